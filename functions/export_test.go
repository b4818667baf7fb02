package functions_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// TestAnExportGoesThroughTheFunctions takes costs from a delivery into an archive and out of S3 by its address, with the
// rights that the functions have.
func TestAnExportGoesThroughTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api, ingest, jobs := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...), start(t, "ingest", e.env("ingest")...), start(t, "jobs", e.env("jobs")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	base := "/v1/tenants/" + tenant["id"].(string)
	_, project := alice.do(t, api, "POST", base+"/projects", map[string]string{"name": "web", "environment": "production"})
	_, made := alice.do(t, api, "POST", base+"/projects/"+project["id"].(string)+"/imports", map[string]any{"format": "csv", "source": "billing", "sizeBytes": len(file)})
	put(t, made["uploadUrl"].(string), file)
	arrival := messages(t, "ingest-uploaded")
	arrival.Records[0].Body = fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"tenants/%s/deliveries/%s/0","size":%d}}}]}`,
		tenant["id"], made["id"], len(file))
	require.Empty(t, ingest.failures(t, arrival))

	status, begun := alice.do(t, admin, "POST", base+"/exports", nil)
	require.Equal(t, 202, status, begun)
	out, err := e.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &e.jobs})
	require.NoError(t, err)
	require.Len(t, out.Messages, 1)
	work := messages(t, "jobs-export")
	work.Records[0].Body = *out.Messages[0].Body
	require.Empty(t, jobs.failures(t, work))
	require.Empty(t, jobs.failures(t, work), "the same message again")

	status, done := alice.do(t, admin, "GET", base+"/exports/"+begun["id"].(string), nil)
	require.Equal(t, 200, status)
	require.Equal(t, "succeeded", done["status"], done)
	answer, err := http.Get(done["downloadUrl"].(string))
	require.NoError(t, err)
	defer answer.Body.Close()
	archive, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, 200, answer.StatusCode, "%s", archive)
	sum := sha256.Sum256(archive)
	require.Equal(t, done["archive"].(map[string]any)["sha256"], hex.EncodeToString(sum[:]))
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	costs, err := r.Open("costs/2026-01.csv")
	require.NoError(t, err)
	text, err := io.ReadAll(costs)
	require.NoError(t, err)
	require.Contains(t, string(text), "0.1000000001")

	work.Records[0].Body = `{"kind":"end-exports"}`
	require.Empty(t, jobs.failures(t, work))
	status, _ = alice.do(t, admin, "GET", base+"/exports", nil)
	require.Equal(t, 200, status)
}
