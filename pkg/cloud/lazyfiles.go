package cloud

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func (l lazyFiles) UploadURL(ctx context.Context, s *tenant.Scope, name string, size int64, expires time.Duration) (string, error) {
	f, err := l()
	if err != nil {
		return "", err
	}
	return f.UploadURL(ctx, s, name, size, expires)
}

func (l lazyFiles) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	f, err := l()
	if err != nil {
		return nil, err
	}
	return f.Open(ctx, s, name)
}

func (l lazyFiles) Remove(ctx context.Context, s *tenant.Scope, name string) error {
	f, err := l()
	if err != nil {
		return err
	}
	return f.Remove(ctx, s, name)
}

func (l lazyFiles) Begin(ctx context.Context, s *tenant.Scope, name string) (string, error) {
	f, err := l()
	if err != nil {
		return "", err
	}
	return f.Begin(ctx, s, name)
}

func (l lazyFiles) Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (string, error) {
	f, err := l()
	if err != nil {
		return "", err
	}
	return f.Part(ctx, s, name, writing, n, body)
}

func (l lazyFiles) Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error {
	f, err := l()
	if err != nil {
		return err
	}
	return f.Finish(ctx, s, name, writing, tags)
}

func (l lazyFiles) Drop(ctx context.Context, s *tenant.Scope, name, writing string) error {
	f, err := l()
	if err != nil {
		return err
	}
	return f.Drop(ctx, s, name, writing)
}

func (l lazyFiles) Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error {
	f, err := l()
	if err != nil {
		return err
	}
	return f.Put(ctx, s, name, body)
}

func (l lazyFiles) Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error) {
	f, err := l()
	if err != nil {
		return nil, err
	}
	return f.Get(ctx, s, name)
}

func (l lazyFiles) DownloadURL(ctx context.Context, s *tenant.Scope, name, as string, expires time.Duration) (string, error) {
	f, err := l()
	if err != nil {
		return "", err
	}
	return f.DownloadURL(ctx, s, name, as, expires)
}

func (l lazyFiles) Left(ctx context.Context, s *tenant.Scope) (int, error) {
	f, err := l()
	if err != nil {
		return 0, err
	}
	return f.Left(ctx, s)
}

func (l lazyFiles) Sweep(ctx context.Context, s *tenant.Scope) (int, error) {
	f, err := l()
	if err != nil {
		return 0, err
	}
	return f.Sweep(ctx, s)
}
