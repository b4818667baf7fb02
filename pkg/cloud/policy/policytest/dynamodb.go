package policytest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// partitionKey is the attribute whose values are the leading keys.
const partitionKey = "pk"

// attributes are an item or a key as they are on the wire.
type attributes map[string]struct{ S *string }

// call is the body of a request, as far as IAM is concerned with it.
type call struct {
	TableName                 string
	IndexName                 string
	Key, Item                 attributes
	KeyConditionExpression    string
	ExpressionAttributeValues attributes
	RequestItems              map[string]json.RawMessage
	TransactItems             []map[string]struct {
		TableName string
		Key, Item attributes
	}
	Statement string
}

// DynamoDB gives what IAM is asked about for a call of DynamoDB's API, by its name and its body: everything that it is to
// do must be allowed. A batch is asked for as such, and beyond what AWS does as its single actions too; a transaction as
// its single actions, each with all keys of its table. A call any of whose keys is not known has no leading keys. table gives
// the ARN of a table.
func DynamoDB(operation string, body []byte, table func(string) string) ([]Request, error) {
	var c call
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	a := asked{table: table, operation: operation, keys: map[[2]string][]*string{}}
	switch operation {
	case "GetItem", "DeleteItem", "UpdateItem":
		a.add(operation, c.TableName, c.Key)
	case "PutItem":
		a.add(operation, c.TableName, c.Item)
	case "Query":
		of := c.TableName
		if c.IndexName != "" {
			of += "/index/" + c.IndexName
		}
		a.add(operation, of, c.queried())
	case "BatchGetItem", "BatchWriteItem":
		if err := a.batch(c.RequestItems); err != nil {
			return nil, err
		}
	case "TransactGetItems", "TransactWriteItems":
		a.transaction(c)
	case "ExecuteStatement":
		verb, _, _ := strings.Cut(strings.TrimSpace(c.Statement), " ")
		a.add("PartiQL"+strings.ToUpper(verb[:min(1, len(verb))])+strings.ToLower(verb[min(1, len(verb)):]), "*", nil)
	default:
		a.add(operation, c.TableName, nil)
	}
	return a.requests(), nil
}

// keyCondition is how the engine asks for one partition; of anything else the leading keys are not known.
var keyCondition = regexp.MustCompile(`^` + partitionKey + ` = (:\w+)( AND sk [^()]*)?$`)

func (c call) queried() attributes {
	m := keyCondition.FindStringSubmatch(c.KeyConditionExpression)
	if m == nil {
		return nil
	}
	return attributes{partitionKey: c.ExpressionAttributeValues[m[1]]}
}

// asked collects leading keys by action and table.
type asked struct {
	table     func(string) string
	operation string
	keys      map[[2]string][]*string // nil for one that is not known
}

func (a *asked) add(action, table string, of attributes) {
	at := [2]string{action, table}
	a.keys[at] = append(a.keys[at], of[partitionKey].S)
}

func (a *asked) batch(items map[string]json.RawMessage) error {
	for table, raw := range items {
		if a.operation == "BatchGetItem" {
			var get struct{ Keys []attributes }
			if err := json.Unmarshal(raw, &get); err != nil {
				return err
			}
			for _, key := range get.Keys {
				a.add(a.operation, table, key)
				a.add("GetItem", table, key)
			}
			continue
		}
		var write []struct {
			PutRequest    *struct{ Item attributes }
			DeleteRequest *struct{ Key attributes }
		}
		if err := json.Unmarshal(raw, &write); err != nil {
			return err
		}
		for _, w := range write {
			switch {
			case w.PutRequest != nil:
				a.add(a.operation, table, w.PutRequest.Item)
				a.add("PutItem", table, w.PutRequest.Item)
			case w.DeleteRequest != nil:
				a.add(a.operation, table, w.DeleteRequest.Key)
				a.add("DeleteItem", table, w.DeleteRequest.Key)
			}
		}
	}
	return nil
}

func (a *asked) transaction(c call) {
	of := map[string][]*string{} // table -> all its keys
	for _, item := range c.TransactItems {
		for kind, do := range item {
			action := map[string]string{"ConditionCheck": "ConditionCheckItem"}[kind]
			if action == "" {
				action = kind + "Item"
			}
			key := do.Key
			if kind == "Put" {
				key = do.Item
			}
			a.add(action, do.TableName, key)
			of[do.TableName] = append(of[do.TableName], key[partitionKey].S)
		}
	}
	for at := range a.keys {
		a.keys[at] = of[at[1]]
	}
}

func (a *asked) requests() (all []Request) {
	for at, keys := range a.keys {
		r := Request{Action: "dynamodb:" + at[0], Resource: a.table(at[1]), Context: map[string][]string{}}
		if !slices.Contains(keys, nil) {
			for _, key := range keys {
				r.Context["dynamodb:leadingkeys"] = append(r.Context["dynamodb:leadingkeys"], *key)
			}
		}
		if strings.HasPrefix(a.operation, "Transact") {
			r.Context["dynamodb:enclosingoperation"] = []string{a.operation}
		}
		all = append(all, r)
	}
	return all
}
