package focus

import (
	"encoding/binary"
	"errors"
)

// plain gives a page's values as the PLAIN encoding has them: 4 or 8 bytes each, or a length of 4 bytes and the bytes.
// values is how many the page may hold at most, size the bytes of a value of fixed length.
func plain(encoding, values, size int, data []byte) ([]byte, error) {
	switch encoding {
	case encPlain:
		return data, nil
	case encDeltaBinary:
		return deltaNumbers(data, values, size)
	case encDeltaLength:
		return deltaLengths(data, values)
	case encDeltaBytes:
		return deltaBytes(data, values, size)
	case encByteSplit:
		return joinBytes(data, size)
	}
	return nil, errors.New("an encoding that is not read")
}

// The encodings of values. https://github.com/apache/parquet-format/blob/master/Encodings.md
const (
	encPlain           = 0
	encPlainDictionary = 2
	encDeltaBinary     = 5
	encDeltaLength     = 6
	encDeltaBytes      = 7
	encDictionary      = 8
	encByteSplit       = 9
)

var errDamaged = errors.New("the data is damaged")

// delta reads DELTA_BINARY_PACKED: at most limit numbers. rest is what follows them.
func delta(data []byte, limit int) (numbers []int64, rest []byte, err error) {
	var head [3]uint64
	for i := range head {
		v, n := binary.Uvarint(data)
		if n <= 0 || v > 1<<31 {
			return nil, nil, errDamaged
		}
		head[i], data = v, data[n:]
	}
	block, minis, total := int(head[0]), int(head[1]), int(head[2])
	last, n := binary.Varint(data)
	if n <= 0 || total > limit || minis == 0 || block%minis != 0 || block/minis%32 != 0 || minis > 1024 {
		return nil, nil, errDamaged
	}
	data = data[n:]
	if total == 0 {
		return nil, data, nil
	}
	numbers = append(make([]int64, 0, total), last)
	for len(numbers) < total {
		least, n := binary.Varint(data)
		if n <= 0 || len(data) < n+minis {
			return nil, nil, errDamaged
		}
		widths := data[n : n+minis]
		data = data[n+minis:]
		for _, width := range widths {
			size := int(width) * (block / minis) / 8
			if len(numbers) == total {
				break
			}
			if width > 64 || len(data) < size {
				return nil, nil, errDamaged
			}
			mini := packed{data: data[:size]}
			for range min(block/minis, total-len(numbers)) {
				last += least + int64(mini.next(int(width)))
				numbers = append(numbers, last)
			}
			data = data[size:]
		}
	}
	return numbers, data, nil
}

func deltaNumbers(data []byte, values, size int) ([]byte, error) {
	numbers, _, err := delta(data, values)
	out := make([]byte, 0, len(numbers)*size)
	for _, v := range numbers {
		if size == 4 {
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		} else {
			out = binary.LittleEndian.AppendUint64(out, uint64(v))
		}
	}
	return out, err
}

func deltaLengths(data []byte, values int) ([]byte, error) {
	lengths, data, err := delta(data, values)
	out := make([]byte, 0, len(data)+4*len(lengths))
	for _, length := range lengths {
		if length < 0 || length > int64(len(data)) {
			return nil, errDamaged
		}
		out = append(binary.LittleEndian.AppendUint32(out, uint32(length)), data[:length]...)
		data = data[length:]
	}
	return out, err
}

// deltaBytes reads values that share a prefix with the one before. size 0 says that their length is not fixed.
func deltaBytes(data []byte, values, size int) ([]byte, error) {
	prefixes, data, err := delta(data, values)
	if err != nil {
		return nil, err
	}
	suffixes, data, err := delta(data, values)
	if err != nil || len(suffixes) != len(prefixes) {
		return nil, errDamaged
	}
	var out, before []byte
	for i, prefix := range prefixes {
		suffix := suffixes[i]
		if prefix < 0 || prefix > int64(len(before)) || suffix < 0 || suffix > int64(len(data)) || len(out) > maxPage {
			return nil, errDamaged
		}
		if size == 0 {
			out = binary.LittleEndian.AppendUint32(out, uint32(prefix+suffix))
		}
		start := len(out)
		out = append(append(out, before[:prefix]...), data[:suffix]...)
		before, data = out[start:], data[suffix:]
	}
	return out, nil
}

// joinBytes undoes BYTE_STREAM_SPLIT: first all first bytes, then all second ones.
func joinBytes(data []byte, size int) ([]byte, error) {
	if size == 0 || len(data)%size != 0 {
		return nil, errDamaged
	}
	n := len(data) / size
	out := make([]byte, len(data))
	for i := range out {
		out[i] = data[i%size*n+i/size]
	}
	return out, nil
}
