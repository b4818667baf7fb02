# What there is to do. Go is all it needs; DynamoDB Local wants Java 17 and moto wants Python 3, for their tests.

FUZZTIME ?= 10s
ARCHS ?= arm64 amd64
GOFMT_DIRS = functions infra pkg
LAMBDA = -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w"
FUNCTIONS = $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
VULNDB = https://vuln.go.dev

STAGE ?= dev
ARCH ?= arm64
CONTEXT ?=
CDK = npx --yes aws-cdk@2.1148.1
PAIRS = stage=$(STAGE) arch=$(ARCH) $(CONTEXT)
CLOUD = $(addprefix -c ,$(PAIRS))
comma = ,
key = $(firstword $(subst =, ,$(1)))
member = "$(call key,$(1))":"$(patsubst $(call key,$(1))=%,%,$(1))"$(comma)

.PHONY: dev test lint bench fuzz openapi isolation build assets test-cloud e2e-cloud synth diff deploy destroy

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

assets:
	@$(MAKE) --no-print-directory build ARCHS=$(if $(filter x86_64,$(ARCH)),amd64,arm64)

test-cloud: ## the CDK app, which is a module of its own and not in test and lint: its templates, cdk-nag, cfn-lint
	@unformatted=$$(gofmt -l infra/aws); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	go -C infra/aws vet -mod=mod ./...
	@command -v cfn-lint >/dev/null || test -x .cache/cfn-lint/bin/cfn-lint || { python3 -m venv .cache/cfn-lint && .cache/cfn-lint/bin/pip install --quiet cfn-lint==1.51.0; } || test -z "$$CI"
	PATH="$$PATH:$(CURDIR)/.cache/cfn-lint/bin" go -C infra/aws test -mod=mod -timeout 15m ./...

e2e-cloud: ## what is synthesized, stood up from its templates alone and attacked: README's flow, the isolation matrix, IAM's decisions and their mutants
	@$(MAKE) --no-print-directory build ARCHS=$$(go env GOARCH)
	go build -C infra/aws -mod=mod -o ../../build/platform .
	CI=true TENANTRY_E2E=1 go test -count 1 -timeout 20m -run '^TestCloud$$' -v ./infra/e2e

synth: assets ## the templates of STAGE into cdk.out, without an account; ARCH=x86_64, CONTEXT="key=value ..."
	go build -C infra/aws -mod=mod -o ../../build/platform .
	CDK_OUTDIR=cdk.out CDK_CONTEXT_JSON='{$(foreach pair,$(PAIRS),$(call member,$(pair)))"":""}' build/platform

diff: assets ## what deploy would change of STAGE
	$(CDK) diff $(CLOUD)

deploy: assets ## all of STAGE, in the account and region of whoever calls
	$(CDK) bootstrap $(CLOUD)
	$(CDK) deploy --all --require-approval never $(CLOUD)

destroy: assets ## all of STAGE that can be made anew; tables, files, messages, people and logs are kept
	$(CDK) destroy --exclusively --force $(CLOUD) $(addprefix tenantry-$(STAGE)-,budget api collection web access)
