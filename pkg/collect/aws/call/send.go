package call

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Unhurried sends requests whose bodies cannot be closed. The SDK closes a body as soon as the answer begins; where the transport is
// not quite done with it then, it breaks the connection, and the call is made, and where it costs something paid for, twice.
type Unhurried struct{ aws.HTTPClient }

// Do sends a request.
func (u Unhurried) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = io.NopCloser(r.Body)
	}
	return u.HTTPClient.Do(r)
}
