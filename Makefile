# What there is to do. Go is all it needs; DynamoDB Local wants Java 17 and moto wants Python 3, for their tests.

FUZZTIME ?= 10s
ARCHS ?= arm64 amd64
GOFMT_DIRS = functions infra pkg
LAMBDA = -tags lambda.norpc -trimpath -ldflags "-s -w"
FUNCTIONS = $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
VULNDB = https://vuln.go.dev

.PHONY: dev test lint bench fuzz openapi isolation build

dev: ## the whole platform on http://127.0.0.1:8080
	go run ./infra/local

test: ## all that a fresh clone needs to pass; RACE=1 with the race detector, which the attacks on DynamoDB then go without
	go test $(if $(RACE),-race -skip '^TestIsolation$$/^on_DynamoDB$$') -p 2 -timeout 15m ./...
	$(if $(RACE),go test ./pkg/api -run '^TestIsolation$$')

lint:
	@unformatted=$$(gofmt -l $(GOFMT_DIRS)); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	@if curl -fsS -m 10 -o /dev/null $(VULNDB)/index/db.json 2>/dev/null; then go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...; \
	else echo "govulncheck was NOT run: $(VULNDB) cannot be reached"; fi

bench: ## the figures, as ratios of CPU time
	@for program in $$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./infra/bench/... | grep -v /minimal$$); do \
		echo "== $$program"; go run $$program || exit 1; done

fuzz: ## every fuzz target for FUZZTIME, two at a time
	@list=$$(go test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	echo "$$list" | awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' | \
	FUZZTIME=$(FUZZTIME) xargs -n 2 -P 2 .ci/fuzz

openapi: ## docs/openapi.json
	go test ./pkg/api -run OpenAPI -update

isolation: ## every operation attacked on both engines; docs/isolation.md
	CI=true go test ./pkg/api -run '^TestIsolation$$' -count 1 -v -update

build: ## build/<arch>/<function>/bootstrap
	@for arch in $(ARCHS); do for function in $(FUNCTIONS); do \
		echo "build/$$arch/$$function/bootstrap"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build $(LAMBDA) -o build/$$arch/$$function/bootstrap ./functions/$$function || exit 1; \
	done; done
