package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// caller calls the API as one person.
type caller struct {
	ctx   context.Context
	to    Target
	token string
}

// call sends body as JSON, under an Idempotency-Key where there is one, and reads the answer into out unless it is nil.
func (c *caller) call(method, path, once string, body, out any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(c.ctx, method, c.to.URL+path, sent)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if once != "" {
		r.Header.Set("Idempotency-Key", once)
	}
	return c.do(r, out)
}

// upload sends a file to its address, which may lack the host.
func (c *caller) upload(url string, file []byte) error {
	if strings.HasPrefix(url, "/") {
		url = c.to.URL + url
	}
	r, err := http.NewRequestWithContext(c.ctx, http.MethodPut, url, bytes.NewReader(file))
	if err != nil {
		return err
	}
	return c.do(r, nil)
}

func (c *caller) do(r *http.Request, out any) (err error) {
	answer, err := c.to.Client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s answered %d: %s", r.Method, r.URL.Path, answer.StatusCode, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
