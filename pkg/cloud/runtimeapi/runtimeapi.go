// Package runtimeapi runs a Lambda function's binary as a process against an emulator of the Lambda Runtime API
// (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), for tests and measurements.
package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	path       = "/2018-06-01/runtime/"
	extensions = "/2020-01-01/extension/"
	timeout    = 30 * time.Second // of an invocation, as the function sees it
)

// Function is a running function. It takes one invocation at a time, as an execution environment does.
type Function struct {
	identity Identity
	cmd      *exec.Cmd
	server   *http.Server
	begun    chan *invocation // waits for the function to ask for its next one
	current  atomic.Pointer[invocation]
	exited   chan struct{}
	sequence atomic.Int64
}

type invocation struct {
	id       string
	deadline time.Time
	event    []byte
	answer   chan answer
}

type answer struct {
	body []byte
	err  error
}

// Error is what a function reports instead of an answer.
type Error struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// Error gives type and message.
func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Identity is what a function is told of itself with each invocation.
type Identity struct {
	ARN     string
	Timeout time.Duration // of an invocation, as the function sees it
}

// Start is StartAs a function of no name.
func Start(binary string, env []string, log io.Writer) (*Function, error) {
	return StartAs(Identity{"arn:aws:lambda:us-east-1:123456789012:function:test", timeout}, binary, env, log)
}

// StartAs starts a function's binary with env, what Lambda itself sets, and nothing else in its environment. What it logs goes
// to log.
func StartAs(of Identity, binary string, env []string, log io.Writer) (*Function, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	f := &Function{identity: of, begun: make(chan *invocation), exited: make(chan struct{}), cmd: exec.Command(binary)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"invocation/next", f.next)
	mux.HandleFunc("POST "+path+"invocation/{id}/response", f.response)
	mux.HandleFunc("POST "+path+"invocation/{id}/error", f.failure)
	mux.HandleFunc("POST "+extensions+"register", f.register)
	mux.HandleFunc("GET "+extensions+"event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: timeout}
	go func() { _ = f.server.Serve(listener) }()

	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
	}, env...)
	f.cmd.Stdout, f.cmd.Stderr = log, log
	if err := f.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the function: %w", err), f.server.Close())
	}
	go func() {
		_ = f.cmd.Wait() // how it ended is in ProcessState
		close(f.exited)
	}()
	return f, nil
}

// Invoke hands the function one event and gives its answer, or the *Error that it reports.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	i := &invocation{
		id: "invocation-" + strconv.FormatInt(f.sequence.Add(1), 10), deadline: time.Now().Add(f.identity.Timeout), event: event,
		answer: make(chan answer, 1),
	}
	select {
	case f.begun <- i:
	case <-f.exited:
		return nil, fmt.Errorf("the function has ended: %s", f.cmd.ProcessState)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case a := <-i.answer:
		return a.body, a.err
	case <-f.exited:
		return nil, fmt.Errorf("the function ended while it handled the event: %s", f.cmd.ProcessState)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Stop kills the function and gives the CPU time that it took in all.
func (f *Function) Stop() time.Duration {
	_ = f.cmd.Process.Kill()
	<-f.exited
	_ = f.server.Close()
	return f.cmd.ProcessState.UserTime() + f.cmd.ProcessState.SystemTime()
}

// Terminate ends the function as Lambda does where the function has registered an extension: it is told to, and killed half a
// second later.
func (f *Function) Terminate() error {
	if err := f.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-f.exited:
	case <-time.After(500 * time.Millisecond):
	}
	f.Stop()
	return nil
}

func (f *Function) register(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Lambda-Extension-Identifier", "extension-1")
	w.WriteHeader(http.StatusOK)
}

func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case i := <-f.begun:
		f.current.Store(i)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", f.identity.ARN)
		_, _ = w.Write(i.event)
	case <-r.Context().Done():
	}
}

func (f *Function) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	f.settle(w, r, answer{body, err})
}

func (f *Function) failure(w http.ResponseWriter, r *http.Request) {
	e := &Error{}
	if err := json.NewDecoder(r.Body).Decode(e); err != nil {
		e.Message = err.Error()
	}
	f.settle(w, r, answer{err: e})
}

func (f *Function) settle(w http.ResponseWriter, r *http.Request, a answer) {
	i := f.current.Swap(nil)
	if i == nil || i.id != r.PathValue("id") {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	i.answer <- a
}
