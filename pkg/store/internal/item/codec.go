// Package item is what the engines have in common: how a struct becomes attributes, what DynamoDB counts and charges for
// them, and which calls are refused before they are made.
package item

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Attributes that every item has of the engine. A value must not have attributes of these names.
const (
	PK        = "pk"
	SK        = "sk"
	Version   = "version"
	ExpiresAt = "expiresAt" // Unix seconds; absent: never
)

var (
	encoder = must(cbor.EncOptions{
		Sort:            cbor.SortCoreDeterministic,
		Time:            cbor.TimeRFC3339NanoUTC,
		OmitEmpty:       cbor.OmitEmptyGoValue,
		TextMarshaler:   cbor.TextMarshalerTextString,
		BinaryMarshaler: cbor.BinaryMarshalerNone,
	}.EncMode())
	decoder = must(cbor.DecOptions{
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 20,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
		BinaryUnmarshaler: cbor.BinaryUnmarshalerNone,
	}.DecMode())
)

func must[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// Attributes are a struct's, by name: nil, bool, string, []byte, int64 (negative), uint64, []any and map[string]any.
type Attributes map[string]any

// Encode gives a struct's attributes and their one spelling in CBOR. Field names are of the json tags, with omitempty and
// omitzero as in encoding/json; a TextMarshaler is its text, a time RFC 3339 in UTC, a nil slice or map null.
func Encode(value any) (Attributes, []byte, error) {
	raw, err := encoder.Marshal(value)
	if err != nil {
		return nil, nil, errors.New("a value cannot be stored: " + err.Error())
	}
	attributes, err := Parse(raw)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{PK, SK, Version, ExpiresAt} {
		if _, ok := attributes[name]; ok {
			return nil, nil, fmt.Errorf("a value has an attribute %q, which is the engine's", name)
		}
	}
	return attributes, raw, nil
}

// Parse gives the attributes of their CBOR. Text that is not UTF-8 is an error.
func Parse(raw []byte) (Attributes, error) {
	var tree any
	if err := decoder.Unmarshal(raw, &tree); err != nil {
		return nil, errors.New("a value cannot be stored: " + err.Error())
	}
	attributes, ok := tree.(map[string]any)
	if !ok {
		return nil, errors.New("a value to store is a struct")
	}
	return attributes, nil
}

// Marshal is the inverse of Parse.
func (a Attributes) Marshal() ([]byte, error) { return encoder.Marshal(map[string]any(a)) }

// Decode fills into, a pointer to a struct, from CBOR; what it has no field for is passed over.
func Decode(raw []byte, into any) error {
	if err := decoder.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decode a stored %T: %w", into, err)
	}
	return nil
}
