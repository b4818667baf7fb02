package dynamo

import (
	"errors"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Structs become attributes through the codec that both engines share and not through the SDK's attributevalue, which
// makes a set of a [][]byte, drops other fields for omitempty than encoding/json does and knows no omitzero: an item would
// be another one here than on bolt, and its size too.

type attributes = map[string]types.AttributeValue

func attributesOf(tree item.Attributes) attributes {
	values := make(attributes, len(tree)+4)
	for name, v := range tree {
		values[name] = valueOf(v)
	}
	return values
}

func valueOf(v any) types.AttributeValue {
	switch v := v.(type) {
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}
	case string:
		return text(v)
	case []byte:
		return &types.AttributeValueMemberB{Value: v}
	case uint64:
		return &types.AttributeValueMemberN{Value: strconv.FormatUint(v, 10)}
	case int64:
		return number(v)
	case []any:
		list := make([]types.AttributeValue, len(v))
		for i, element := range v {
			list[i] = valueOf(element)
		}
		return &types.AttributeValueMemberL{Value: list}
	case map[string]any:
		return &types.AttributeValueMemberM{Value: attributesOf(v)}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func treeOf(values attributes) (map[string]any, error) {
	tree := make(map[string]any, len(values))
	for name, v := range values {
		element, err := elementOf(v)
		if err != nil {
			return nil, err
		}
		tree[name] = element
	}
	return tree, nil
}

func elementOf(v types.AttributeValue) (any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberNULL:
		return nil, nil
	case *types.AttributeValueMemberBOOL:
		return v.Value, nil
	case *types.AttributeValueMemberS:
		return v.Value, nil
	case *types.AttributeValueMemberB:
		return v.Value, nil
	case *types.AttributeValueMemberN:
		if strings.HasPrefix(v.Value, "-") {
			return strconv.ParseInt(v.Value, 10, 64)
		}
		return strconv.ParseUint(v.Value, 10, 64)
	case *types.AttributeValueMemberM:
		return treeOf(v.Value)
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, element := range v.Value {
			var err error
			if list[i], err = elementOf(element); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, errors.New("dynamo: a stored attribute is of a kind that is not written here")
}

// value is the attributes of a struct, decoded on demand.
type value attributes

func (v value) Decode(into any) error {
	tree, err := treeOf(v)
	if err != nil {
		return err
	}
	raw, err := item.Attributes(tree).Marshal()
	if err != nil {
		return err
	}
	return item.Decode(raw, into)
}

func keyOf(at store.Address) attributes {
	return attributes{item.PK: text(at.PK), item.SK: text(at.SK)}
}

// recordOf takes an item apart.
func recordOf(t store.Table, values attributes) (*store.Record, error) {
	tree, err := treeOf(attributes{item.PK: values[item.PK], item.SK: values[item.SK],
		item.Version: orZero(values[item.Version]), item.ExpiresAt: orZero(values[item.ExpiresAt])})
	if err != nil {
		return nil, err
	}
	pk, _ := tree[item.PK].(string)
	sk, _ := tree[item.SK].(string)
	version, _ := tree[item.Version].(uint64)
	expires, _ := tree[item.ExpiresAt].(uint64)
	for _, name := range []string{item.PK, item.SK, item.Version, item.ExpiresAt} {
		delete(values, name)
	}
	return &store.Record{Address: store.Address{Table: t, PK: pk, SK: sk}, Version: int64(version),
		ExpiresAt: item.Time(int64(expires)), Value: value(values)}, nil
}

// expired tells whether an item that is still stored is as good as absent.
func (e *Engine) expired(r *store.Record) bool {
	return item.Expired(item.Expiry(r.ExpiresAt), e.clock())
}

func orZero(v types.AttributeValue) types.AttributeValue {
	if v == nil {
		return number(0)
	}
	return v
}
