package e2e

import (
	"cmp"
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

	"github.com/stretchr/testify/require"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
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
	logs     string // ARN of the group of its log's streams
	dead     string // ARN of the queue of asynchronous invocations that failed; "" for none
	retries  int    // of those
	started  int    // environments, in all
	invoked  int
}

type functionProperties struct {
	FunctionName, Role, Handler, Runtime string
	Code                                 struct{ S3Bucket, S3Key string }
	Architectures                        []string
	Environment                          struct{ Variables map[string]string }
	MemorySize, Timeout                  int
	ReservedConcurrentExecutions         *int

	LoggingConfig struct{ LogGroup, LogFormat, ApplicationLogLevel, SystemLogLevel string }

	Description, Tags, TracingConfig, EphemeralStorage, DeadLetterConfig, Layers, RecursiveLoop anything
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
	if !p.Account.Ask(policytest.Request{Action: "sts:AssumeRole", Resource: in.Role, Principal: "lambda.amazonaws.com", Context: p.from(arn)}) {
		return fmt.Errorf("there is no leave for Lambda to give it the role %s", in.Role)
	}
	f.logs = p.World.arn("logs", "log-group:"+cmp.Or(in.LoggingConfig.LogGroup, "/aws/lambda/"+f.Name))
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
	for _, action := range []string{"logs:CreateLogStream", "logs:PutLogEvents"} {
		if !f.platform.Account.Ask(policytest.Request{Action: action, Resource: f.logs + ":log-stream:" + strconv.Itoa(f.started), Principal: f.Role, Context: map[string][]string{}}) {
			return nil, fmt.Errorf("%s may not write its log", f.Name)
		}
	}
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

// invoked is how a function's asynchronous invocations are repeated, and where those go that fail.
func (p *Platform) invoked(_ testing.TB, s *Stack, id string) error {
	var in struct {
		FunctionName, Qualifier                        string
		MaximumRetryAttempts, MaximumEventAgeInSeconds int
		DestinationConfig                              struct{ OnFailure struct{ Destination string } }
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	f := p.functions[p.World.arn("lambda", "function:"+in.FunctionName)]
	if f == nil || p.queues[in.DestinationConfig.OnFailure.Destination] == nil {
		return fmt.Errorf("of %s, to %s", in.FunctionName, in.DestinationConfig.OnFailure.Destination)
	}
	f.dead, f.retries = in.DestinationConfig.OnFailure.Destination, in.MaximumRetryAttempts
	return nil
}

// later invokes asynchronously, as services do that wait for no answer, and is back when it is done with.
func (f *Function) later(event string) error {
	var err error
	for range f.retries + 1 {
		if _, err = f.Invoke(context.Background(), []byte(event)); err == nil {
			return nil
		}
	}
	if f.dead == "" {
		return err
	}
	return f.platform.send(f.Role, "", f.dead, event)
}

// Fail invokes the function of a name asynchronously with an event that it fails on.
func (p *Platform) Fail(t testing.TB, word, event string) {
	for _, f := range p.functions {
		if strings.Contains(f.Name, word) {
			_, err := f.Invoke(t.Context(), []byte(event))
			require.Error(t, err)
			require.NoError(t, f.later(event))
			return
		}
	}
	t.Fatalf("there is no function %s", word)
}

// Variable gives a variable of the environment of the function of a name.
func (p *Platform) Variable(t testing.TB, word, name string) string {
	for _, f := range p.functions {
		for _, v := range f.env {
			if value, ok := strings.CutPrefix(v, name+"="); ok && strings.Contains(f.Name, word) {
				return value
			}
		}
	}
	t.Fatalf("no function %s has %s", word, name)
	return ""
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
