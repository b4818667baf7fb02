package folder

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// DownloadPath is what all download addresses begin with.
const DownloadPath = "/downloads/"

// forDownload keeps addresses of downloads and of uploads from being taken for each other.
const forDownload = "download\x00"

// DownloadURL gives an address relative to the server's, "/downloads/<token>": the MAC, the expiry as 8 bytes, the key, NUL and
// the name to save it as, in base64url.
func (f *Files) DownloadURL(_ context.Context, s *tenant.Scope, name, as string, expires time.Duration) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	body := binary.BigEndian.AppendUint64(nil, uint64(f.Clock().Add(expires).Unix()))
	body = append(append(append(body, key...), 0), as...)
	return DownloadPath + encoding.EncodeToString(append(mac(f.secret, append([]byte(forDownload), body...)), body...)), nil
}

// readDownload reads a token that DownloadURL gave and that has not expired; else fault.Forbidden.
func (f *Files) readDownload(token string) (key, as string, err error) {
	raw, err := encoding.DecodeString(token)
	if err != nil || len(token) > maxToken || len(raw) <= sha256.Size+8 {
		return "", "", errNoDownload()
	}
	sum, body := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(sum, mac(f.secret, append([]byte(forDownload), body...))) {
		return "", "", errNoDownload()
	}
	if !f.Clock().Before(time.Unix(int64(binary.BigEndian.Uint64(body)), 0)) {
		return "", "", fault.New(fault.Forbidden, "This download address has expired: get the export again for another.")
	}
	key, as, _ = strings.Cut(string(body[8:]), "\x00")
	return key, as, nil
}

func errNoDownload() error {
	return fault.New(fault.Forbidden, "This download address is not one of ours: use the export's downloadUrl as it was given.")
}

// Downloads serves GET and HEAD of the addresses that DownloadURL gives, whole or in ranges.
func (f *Files) Downloads() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !route.Takes(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		if err := f.download(w, r); err != nil {
			f.Log.WarnContext(r.Context(), "download failed", "error", err)
			route.Fail(w, err)
		}
	})
}

func (f *Files) download(w http.ResponseWriter, r *http.Request) error {
	key, as, err := f.readDownload(strings.TrimPrefix(r.URL.Path, DownloadPath))
	if err != nil {
		return err
	}
	file, err := f.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.NotFound, "The file has been erased: begin another export.")
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The file cannot be read now: try again later.")
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fault.Wrap(err, fault.NotFound, "There is no such file.")
	}
	h := w.Header()
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": as}))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", info.ModTime(), file)
	return nil
}
