package focus

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// node is a column, or a group of some, as the schema in a footer lists them. parquet-go's own are not used: they bring with them all
// that writes Parquet, and protobuf with it, by which the linker leaves nothing out any more.
type node struct {
	element  *format.SchemaElement
	logical  format.LogicalTypeValue // nil where there is none that is known
	children []*node
	index    int // of a leaf among the columns of a row group
	rep, def int // the highest levels
}

const (
	maxNodeDepth = 100
	maxLeaves    = 1 << 15
)

var errSchema = errors.New("its schema is damaged")

// tree reads the schema, whose groups come before what is in them, and gives its root and how many leaves it has.
func tree(schema []format.SchemaElement) (root *node, leaves int, err error) {
	root, rest, err := (&grower{leaves: &leaves}).grow(schema, 0, 0, 0)
	if err == nil && len(rest) > 0 {
		err = errSchema
	}
	return root, leaves, err
}

type grower struct{ leaves *int }

// grow takes the first element and all that is in it.
func (g *grower) grow(schema []format.SchemaElement, depth, rep, def int) (*node, []format.SchemaElement, error) {
	if len(schema) == 0 || depth > maxNodeDepth {
		return nil, nil, errSchema
	}
	e := &schema[0]
	if depth > 0 {
		switch e.RepetitionType.V {
		case format.Optional:
			def++
		case format.Repeated:
			rep, def = rep+1, def+1
		}
	}
	n := &node{element: e, logical: logicalType(e), rep: rep, def: def}
	rest := schema[1:]
	if n.leaf() {
		n.index = *g.leaves
		if *g.leaves++; depth == 0 || *g.leaves > maxLeaves {
			return nil, nil, errSchema
		}
		return n, rest, nil
	}
	for range e.NumChildren.V {
		child, left, err := g.grow(rest, depth+1, rep, def)
		if err != nil {
			return nil, nil, err
		}
		n.children, rest = append(n.children, child), left
	}
	return n, rest, nil
}

func (n *node) name() string { return n.element.Name }

func (n *node) leaf() bool { return n.element.Type.Valid }

// kind is how a leaf's values are stored.
func (n *node) kind() format.Type { return n.element.Type.V }

// size is the bytes of a value, 0 where each has a length of its own, or they are bits.
func (n *node) size() int {
	switch n.kind() {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return max(0, int(n.element.TypeLength.V))
	}
	return 0
}

// null tells whether all of a leaf is null, so that its writer knew no type.
func (n *node) null() bool {
	_, null := n.logical.(*format.NullType)
	return n.leaf() && null
}

// String is what the column is of, for people.
func (n *node) String() string {
	name := "a group of columns"
	switch {
	case n.leaf() && n.logical != nil:
		name = n.logical.String()
	case n.leaf() && n.kind() == format.FixedLenByteArray:
		name = fmt.Sprintf("%s(%d)", n.kind(), n.size())
	case n.leaf():
		name = n.kind().String()
	}
	if n.element.RepetitionType.V == format.Repeated {
		name = "a list of " + name
	}
	return name
}

// logicalType is what a column's values mean, by its logical type or the older converted type.
func logicalType(e *format.SchemaElement) format.LogicalTypeValue {
	if e.LogicalType.Value != nil || !e.ConvertedType.Valid {
		return e.LogicalType.Value
	}
	stamp := func(unit format.TimeUnitValue) format.LogicalTypeValue {
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: unit}}
	}
	clock := func(unit format.TimeUnitValue) format.LogicalTypeValue {
		return &format.TimeType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: unit}}
	}
	switch c := e.ConvertedType.V; c {
	case deprecated.UTF8:
		return &format.StringType{}
	case deprecated.Enum:
		return &format.EnumType{}
	case deprecated.Json:
		return &format.JsonType{}
	case deprecated.Bson:
		return &format.BsonType{}
	case deprecated.Map, deprecated.MapKeyValue:
		return &format.MapType{}
	case deprecated.List:
		return &format.ListType{}
	case deprecated.Decimal:
		return &format.DecimalType{Scale: e.Scale.V, Precision: e.Precision.V}
	case deprecated.Date:
		return &format.DateType{}
	case deprecated.TimeMillis:
		return clock(&format.MilliSeconds{})
	case deprecated.TimeMicros:
		return clock(&format.MicroSeconds{})
	case deprecated.TimestampMillis:
		return stamp(&format.MilliSeconds{})
	case deprecated.TimestampMicros:
		return stamp(&format.MicroSeconds{})
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Uint8)}
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Int8), IsSigned: true}
	}
	return nil
}
