package focus

import (
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// Split splits CSV by the tokenizer alone, with a buffer of that many bytes to begin with; 0 is its own. ok is false where it met a record that is not whole; those before it are given.
func Split(r io.Reader, limit, buffer int) (records [][]string, ok bool) {
	t := newTokenizer(r, limit)
	if buffer > 0 {
		t.buffer = make([]byte, buffer+wordBytes)
	}
	for {
		block := t.block(batchLines)
		if len(block) == 0 {
			return records, true
		}
		for _, r := range block {
			if r.state != whole {
				return records, false
			}
			var fields []string
			for i := range r.count {
				text, _ := unquote(t.field(&r, i), nil)
				fields = append(fields, string(text))
			}
			records = append(records, fields)
		}
	}
}

// Unpack undoes the compression of a page of Parquet.
func Unpack(codec format.CompressionCodec, data []byte, size int) ([]byte, error) {
	return (&unpacker{}).unpack(codec, nil, data, size)
}

// Plain turns a page's values into their PLAIN encoding.
func Plain(encoding format.Encoding, values, size int, data []byte) ([]byte, error) {
	return plain(int(encoding), values, size, data)
}

// IsThrift tells whether data is one struct of the compact protocol, with at most so many in its lists.
func IsThrift(data []byte, structs int) bool {
	c := compact{data: data, structs: structs}
	return c.skip(compactStruct, 0) && c.at == len(data)
}
