// Package dynamolocal gives tests a DynamoDB: DynamoDB Local, one server for each test process, all in memory. It needs Java
// 17 and, to fetch the jars once, Maven.
package dynamolocal

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
)

// startWait bounds how long the server may take to answer.
const startWait = 30 * time.Second

// Start gives a client of this process's server; the first call starts it, and it ends with the process. Where Java, or the
// jars and Maven, are missing, the test fails if CI=true and is skipped if not.
func Start(t testing.TB) *dynamodb.Client {
	t.Helper()
	address, err := server()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("DynamoDB Local: %v", err)
		}
		t.Skipf("SKIPPED, not tested on DynamoDB: %v", err)
	}
	return client(address)
}

// Tables makes the four tables under names of their own.
func Tables(t testing.TB, c *dynamodb.Client) map[store.Table]string {
	t.Helper()
	names := map[store.Table]string{}
	for _, table := range store.Tables {
		names[table] = "tenantry-" + rand.Text() + "-" + string(table)
	}
	if err := dynamo.Create(t.Context(), c, names); err != nil {
		t.Fatal(err)
	}
	return names
}

// Open gives an engine on tables of its own.
func Open(t testing.TB, clock func() time.Time) *dynamo.Engine {
	t.Helper()
	c := Start(t)
	return dynamo.New(c, dynamo.Options{Names: Tables(t, c), Clock: clock})
}

func client(address string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
}

// server starts the server once and gives its address.
var server = sync.OnceValues(func() (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("java is not installed; it needs Java 17")
	}
	folder, err := jars()
	if err != nil {
		return "", err
	}
	for range 3 { // another process may take the port
		var address string
		if address, err = run(java, folder); err == nil {
			return address, nil
		}
	}
	return "", err
})

// lifeline is the server's input. It is held, since a file that nothing holds is closed.
var lifeline io.Closer

// underShell runs a command and kills it when the shell's input ends.
const underShell = `exec 3<&0; "$@" & server=$!; { cat <&3; kill -9 $server; } >/dev/null 2>&1 & wait $server`

// run starts a server whose input ends when this process does, however it does.
func run(java, jars string) (string, error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address)
	var output bytes.Buffer
	cmd := exec.Command("sh", "-c", underShell, "sh", java,
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-Djava.library.path="+jars, "-cp", filepath.Join(jars, "*"),
		"software.amazon.dynamodb.services.local.main.ServerRunner", "-sharedDb", "-inMemory", "-disableTelemetry", "-port", port)
	cmd.Stdout, cmd.Stderr = &output, &output
	if lifeline, err = cmd.StdinPipe(); err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		cancel()
	}()
	if err := answers(ctx, address); err != nil {
		lifeline.Close()
		<-ended
		return "", fmt.Errorf("the server does not answer: %s", strings.TrimSpace(output.String()))
	}
	return address, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func answers(ctx context.Context, address string) error {
	for {
		_, err := client(address).ListTables(ctx, &dynamodb.ListTablesInput{})
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
