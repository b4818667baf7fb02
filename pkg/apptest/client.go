package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
)

// Client calls the server with a token.
type Client struct {
	app   *App
	Token string // "" for none
}

// As gives the client of a subject, with a token of the local issuer.
func (a *App) As(t testing.TB, subject string) *Client {
	token, err := a.Issuer.Token(subject, "")
	require.NoError(t, err)
	return &Client{a, token}
}

// With gives a client with a token of its own, "" for none.
func (a *App) With(token string) *Client { return &Client{a, token} }

// Answer is a whole answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	sent   string // the whole request, of the Matrix
}

// Do sends a request: a body as JSON where not nil, and headers "Name: value".
func (c *Client) Do(t testing.TB, method, path string, body any, headers ...string) *Answer {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		require.NoError(t, err)
		sent = bytes.NewReader(b)
		headers = append([]string{"Content-Type: application/json"}, headers...)
	}
	if !strings.HasPrefix(path, "http") {
		path = c.app.URL + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, path, sent)
	require.NoError(t, err)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return c.Send(t, r)
}

// Get asks for a path.
func (c *Client) Get(t testing.TB, path string) *Answer { return c.Do(t, http.MethodGet, path, nil) }

// Send sends any request.
func (c *Client) Send(t testing.TB, r *http.Request) *Answer {
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := c.app.client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return &Answer{Status: answer.StatusCode, Header: answer.Header, Body: body}
}

// Is asks for a status, and shows the answer where it is another.
func (a *Answer) Is(t testing.TB, status int) *Answer {
	t.Helper()
	require.Equal(t, status, a.Status, string(a.Body))
	return a
}

// Into reads the body as JSON.
func (a *Answer) Into(t testing.TB, into any) *Answer {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.Body, into), string(a.Body))
	return a
}

// Fails asks for a problem of a status whose detail says something.
func (a *Answer) Fails(t testing.TB, status int, says string) route.Problem {
	t.Helper()
	a.Is(t, status)
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p route.Problem
	a.Into(t, &p)
	require.Equal(t, status, p.Status)
	require.Contains(t, p.Detail, says)
	require.NotEmpty(t, p.Code)
	return p
}
