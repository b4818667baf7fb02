package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantry/tenantry/pkg/cloud/runtimeapi"
)

// environments is how many of a function run at once where the template reserves no fewer.
const environments = 4

// Function is a function of the template. Each of its environments, which are processes, takes one invocation at a time.
type Function struct {
	ARN, Name, Role string

	platform *Platform
	binary   string
	env      []string
	timeout  time.Duration
	free     chan struct{} // as many as may run at once
	mu       sync.Mutex
	idle     []*runtimeapi.Function
	started  int // environments, in all
	invoked  int
}

type functionProperties struct {
	FunctionName, Role, Handler, Runtime string
	Code                                 struct{ S3Bucket, S3Key string }
	Architectures                        []string
	Environment                          struct{ Variables map[string]string }
	MemorySize, Timeout                  int
	ReservedConcurrentExecutions         *int

	Description, Tags, TracingConfig, LoggingConfig, EphemeralStorage, DeadLetterConfig, Layers, RecursiveLoop anything
}

// function makes one of Go. Those of other languages are of the CDK's own and run when it deploys, which is not here.
func (p *Platform) function(_ testing.TB, s *Stack, id string) error {
	of := s.Template.Resources[id].Properties
	if kind, err := p.resolver.Text(s, of["Runtime"]); err != nil || !strings.HasPrefix(kind, "provided.") {
		return err
	}
	var in functionProperties
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return err
	}
	if machine := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]; !slices.Equal(in.Architectures, []string{machine}) {
		return fmt.Errorf("it is for %v, and this machine is %s: synthesize with -c arch=%s", in.Architectures, machine, machine)
	}
	binary := filepath.Join(s.assets[in.Code.S3Key], "bootstrap")
	if _, err := os.Stat(binary); err != nil || in.Handler != "bootstrap" {
		return fmt.Errorf("its asset %s has no bootstrap, or its handler is another: %w", in.Code.S3Key, err)
	}
	f := &Function{ARN: arn, Name: strings.TrimPrefix(arn, p.World.arn("lambda", "function:")), Role: in.Role, platform: p, binary: binary,
		timeout: time.Duration(max(in.Timeout, 3)) * time.Second}
	limit := environments
	if in.ReservedConcurrentExecutions != nil {
		limit = min(limit, *in.ReservedConcurrentExecutions)
	}
	f.free = make(chan struct{}, limit)
	f.env = append(p.lambda(f, max(in.MemorySize, 128), in.Handler), variables(in.Environment.Variables)...)
	p.functions[arn] = f
	return nil
}

func variables(of map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, name+"="+of[name])
	}
	return all
}

// lambda is what Lambda itself sets (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and where AWS is, which no function
// on Lambda needs to be told.
func (p *Platform) lambda(f *Function, memory int, handler string) []string {
	return []string{"AWS_REGION=" + p.World.Region, "AWS_DEFAULT_REGION=" + p.World.Region, "AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(memory), "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name, "AWS_LAMBDA_LOG_STREAM_NAME=stream", "_HANDLER=" + handler, "LAMBDA_TASK_ROOT=" + filepath.Dir(f.binary),
		"LAMBDA_RUNTIME_DIR=/var/runtime", "LANG=en_US.UTF-8", "TZ=:UTC", "PATH=/usr/local/bin:/usr/bin:/bin", "AWS_ACCESS_KEY_ID=" + p.Account.Key(f.Role, nil),
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token", "AWS_ENDPOINT_URL=" + p.Account.URL}
}

// Invoke hands an event to an environment that is idle, or to a new one.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	select {
	case f.free <- struct{}{}:
		defer func() { <-f.free }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e, err := f.environment()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, f.timeout)
	defer stop()
	out, err := e.Invoke(ctx, event)
	var reported *runtimeapi.Error
	if err != nil && !errors.As(err, &reported) {
		e.Stop() // it has ended, or hangs: Lambda gives up an environment too
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, e)
	return out, err
}

func (f *Function) environment() (*runtimeapi.Function, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invoked++
	if last := len(f.idle) - 1; last >= 0 {
		e := f.idle[last]
		f.idle = f.idle[:last]
		return e, nil
	}
	f.started++
	return runtimeapi.StartAs(runtimeapi.Identity{ARN: f.ARN, Timeout: f.timeout}, f.binary, f.env, f.platform.Log)
}

// stop ends all idle environments as Lambda does, which lets them write what they have not written.
func (f *Function) stop() {
	f.mu.Lock()
	all := f.idle
	f.idle = nil
	f.mu.Unlock()
	for _, e := range all {
		_ = e.Terminate() // it may have ended by itself
	}
}

// Recycle ends all environments that are idle: what comes next finds new ones, which know nothing.
func (p *Platform) Recycle() {
	for _, f := range p.functions {
		f.stop()
	}
}

// Environments tells how many processes each function had, and how many invocations.
func (p *Platform) Environments() map[string][2]int {
	all := map[string][2]int{}
	for _, f := range p.functions {
		f.mu.Lock()
		all[f.Name] = [2]int{f.started, f.invoked}
		f.mu.Unlock()
	}
	return all
}
