// Package main_test runs the program as its users do: as a process, over HTTP.
package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
)

var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "local")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "local")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running program.
type process struct {
	*exec.Cmd
	url  string
	said *log // on standard output, after the first line
	log  *log
}

type log = apptest.Log

var address = regexp.MustCompile(`^Tenantry answers at (http://\S+)`)

// start starts the program on a data folder and a free port, and returns when it has said where it answers.
func start(t *testing.T, data string, env ...string) *process {
	p := &process{Cmd: exec.Command(program), said: &log{}, log: &log{}}
	p.Env = append([]string{"TENANTRY_ADDR=127.0.0.1:0", "TENANTRY_DATA=" + data, "TENANTRY_DEMO=off"}, env...)
	p.Stderr = p.log
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Cmd.Start())
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
		if t.Failed() {
			t.Log(p.log)
		}
	})
	lines := bufio.NewReader(out)
	greeting, err := lines.ReadString('\n')
	require.NoError(t, err, p.log)
	found := address.FindStringSubmatch(greeting)
	require.NotNil(t, found, greeting)
	p.url = found[1]
	go func() { _, _ = io.Copy(p.said, lines) }()
	return p
}

// refused runs the program, which must not start, and gives what it says.
func refused(t *testing.T, env ...string) string {
	cmd := exec.Command(program)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	return string(out)
}

// kill ends the process as a power cut would.
func (p *process) kill(t *testing.T) {
	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())
}

// person is somebody signed in.
type person struct {
	*process
	token string
}

func (p *process) as(t *testing.T, subject string) *person {
	answer, err := http.PostForm(p.url+"/dev/token", map[string][]string{"subject": {subject}})
	require.NoError(t, err)
	defer answer.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&out))
	return &person{p, out.Token}
}

// do sends a request and gives the answer's body, which must be of the status.
func (p *person) do(t *testing.T, want int, method, path string, body any) (out map[string]any) {
	var sent bytes.Buffer
	if body != nil {
		require.NoError(t, json.NewEncoder(&sent).Encode(body))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, &sent)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&out))
	require.Equal(t, want, answer.StatusCode, out)
	return out
}

// project makes a tenant and a project in it, and gives their paths.
func (p *person) project(t *testing.T) (tenant, project string) {
	tenant = "/v1/tenants/" + p.do(t, 201, "POST", "/v1/tenants", map[string]string{"name": "ABC"})["id"].(string)
	made := p.do(t, 201, "POST", tenant+"/projects", map[string]string{"name": "web", "environment": "production"})
	return tenant, tenant + "/projects/" + made["id"].(string)
}

// upload begins an import, puts the file, and gives the import's path.
func (p *person) upload(t *testing.T, project, file string) string {
	made := p.do(t, 201, "POST", project+"/imports", map[string]any{"format": "csv", "source": "billing", "sizeBytes": len(file)})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.url+made["uploadUrl"].(string), strings.NewReader(file))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	return project + "/imports/" + made["id"].(string)
}

// until asks for an import until its status is one of those, for half a minute.
func (p *person) until(t *testing.T, at string, statuses ...any) map[string]any {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := p.do(t, 200, "GET", at, nil)
		if slices.Contains(statuses, got["status"]) {
			return got
		}
		require.True(t, time.Now().Before(deadline), got)
	}
}

func (p *person) total(t *testing.T, tenant string) any {
	return p.do(t, 200, "GET", tenant+"/costs?start=2026-01-01&end=2026-02-01&metric=billedCost", nil)["total"]
}

const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodStart," +
	"BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass,ChargeDescription,InvoiceIssuerName,PricingQuantity," +
	"PricingUnit,ProviderName,PublisherName,ServiceCategory,ServiceName,SubAccountId,RegionId,SkuId,ResourceId,Tags\n"

// file has so many lines of 0.01 each.
func file(lines int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range lines {
		fmt.Fprintf(&b, "0.01,0.01,0.01,0.01,111,Payer,USD,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-%02dT00:00:00Z,2026-01-%02dT00:00:00Z,"+
			"Usage,,hours,AWS,1,Hours,AWS,AWS,Compute,Amazon EC2,222,eu-west-1,sku-%d,i-%d,{}\n", i%28+1, i%28+2, i%300, i%5000)
	}
	return b.String()
}

func TestAPersonSeesTheCostsThatWereUploaded(t *testing.T) {
	p := start(t, t.TempDir())
	alice := p.as(t, "alice")
	tenant, project := alice.project(t)
	got := alice.until(t, alice.upload(t, project, file(100)), "succeeded", "failed")
	require.Equal(t, "succeeded", got["status"], got)
	require.Equal(t, "1", alice.total(t, tenant))
	p.as(t, "bob").do(t, 404, "GET", tenant+"/costs?start=2026-01-01&end=2026-02-01", nil)
}

func TestAKilledProcess(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	alice := p.as(t, "alice")
	tenant, project := alice.project(t)
	alice.until(t, alice.upload(t, project, file(100)), "succeeded")
	at := alice.upload(t, project, file(200_000))
	alice.until(t, at, "running")
	require.Equal(t, "1", alice.total(t, tenant), "half of it is not seen")
	p.kill(t)
	require.NoError(t, os.WriteFile(filepath.Join(data, "spill", "left"), nil, 0o600))

	begin := time.Now()
	again := start(t, data)
	require.Less(t, time.Since(begin), 5*time.Second)
	alice = again.as(t, "alice")
	got := alice.until(t, at, "succeeded", "failed")
	require.Equal(t, "succeeded", got["status"], got)
	require.Less(t, time.Since(begin), 30*time.Second, "the lease of the dead is not waited for")
	require.Equal(t, "2000", alice.total(t, tenant), "who alice is does not change with the port")
	left, err := os.ReadDir(filepath.Join(data, "spill"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAProcessThatIsToldToEnd(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run("ends by "+signal.String(), func(t *testing.T) {
			data := t.TempDir()
			p := start(t, data)
			alice := p.as(t, "alice")
			tenant, project := alice.project(t)
			at := alice.upload(t, project, file(200_000))
			alice.until(t, at, "running", "succeeded")
			require.NoError(t, p.Process.Signal(signal))
			require.NoError(t, p.Wait())

			alice = start(t, data).as(t, "alice")
			require.Equal(t, "succeeded", alice.until(t, at, "succeeded", "failed")["status"])
			require.Equal(t, "2000", alice.total(t, tenant))
		})
	}
}

func TestAnAddressOrDataThatIsTaken(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	require.Contains(t, refused(t, "TENANTRY_ADDR=127.0.0.1:0", "TENANTRY_DATA="+data), "another Tenantry is running on the data in "+data)
	taken := strings.TrimPrefix(p.url, "http://")
	require.Contains(t, refused(t, "TENANTRY_ADDR="+taken, "TENANTRY_DATA="+t.TempDir()), "another program is listening at "+taken)
}

func TestAConfigurationThatIsWrong(t *testing.T) {
	said := refused(t, "TENANTRY_ADDR=8080", "TENANTRY_LOG=xml", "TENANTRY_DEMO=yes", "TENANTRY_PRINCIPAL_ARN=arn:aws:sts::111122223333:assumed-role/admin/me")
	for _, name := range []string{"TENANTRY_ADDR", "TENANTRY_LOG", "TENANTRY_DEMO", "TENANTRY_PRINCIPAL_ARN", "give the role's: `aws iam get-role"} {
		require.Contains(t, said, name)
	}
	require.NotContains(t, refused(t, "TENANTRY_ADDR=8080", "TENANTRY_PRINCIPAL_ARN=arn:aws:iam::111122223333:user/me"), "PRINCIPAL", "one's own user")
	require.Contains(t, refused(t, "TENANTRY_ADDR=192.0.2.1:0", "TENANTRY_DATA="+t.TempDir()), "TENANTRY_ADDR")
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.Contains(t, refused(t, "TENANTRY_ADDR=127.0.0.1:0", "TENANTRY_DATA="+path), "TENANTRY_DATA")
}
