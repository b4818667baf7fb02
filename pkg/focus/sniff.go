package focus

import (
	"bytes"
	"strings"
)

const (
	gzipMagic     = "\x1f\x8b"
	byteOrderMark = "\xef\xbb\xbf"
	sniffBytes    = 512
)

// sniff tells what a file is by its first bytes, "" where they could be the text of a CSV file.
func sniff(head []byte) string {
	for _, magic := range []struct{ prefix, kind string }{
		{"\xff\xfe\x00\x00", "text in UTF-32"},
		{"\x00\x00\xfe\xff", "text in UTF-32"},
		{"\xff\xfe", "text in UTF-16"},
		{"\xfe\xff", "text in UTF-16"},
		{"PAR1", "a Parquet file"},
		{"PARE", "an encrypted Parquet file"},
		{"PK\x03\x04", "a ZIP archive or an Excel workbook"},
		{gzipMagic, "gzip"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"BZh", "bzip2"},
		{"\xfd7zXZ\x00", "xz"},
		{"7z\xbc\xaf", "a 7z archive"},
		{"ORC", "an ORC file"},
		{"Obj\x01", "an Avro file"},
		{"%PDF", "a PDF"},
	} {
		if bytes.HasPrefix(head, []byte(magic.prefix)) {
			return magic.kind
		}
	}
	return sniffText(head)
}

func sniffText(head []byte) string {
	header, _, _ := bytes.Cut(head, []byte("\n"))
	switch i := bytes.IndexByte(header, 0); {
	case i < 0:
	case strings.Contains(string(header), "\x00\x00\x00"):
		return "text in UTF-32 or binary"
	case i <= 1:
		return "text in UTF-16"
	default:
		return "binary"
	}
	switch text := strings.TrimLeft(string(head), " \t\r\n"); {
	case text == "":
	case text[0] == '{' || text[0] == '[':
		return "JSON"
	case text[0] == '<':
		return "HTML or XML"
	}
	return ""
}

// delimiter tells that a header of one column is separated by something that is no comma.
func delimiter(header []string) string {
	if len(header) == 1 {
		for _, d := range []struct{ character, name string }{{";", "semicolons"}, {"\t", "tabs"}, {"|", "bars"}} {
			if strings.Count(header[0], d.character) > 2 {
				return d.name
			}
		}
	}
	return ""
}
