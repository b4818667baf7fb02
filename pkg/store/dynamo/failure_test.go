package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// A Write that fails on the way is answered truly: done, not done, or unknown.
func TestWriteOnABadWire(t *testing.T) {
	unavailable, throttled := store.ErrUnavailable, store.ErrThrottled
	conflict := &store.ConditionError{Failed: []int{0}}
	contended := &store.ConditionError{Contended: true}
	tests := []struct {
		name      string
		answers   []answer
		condition store.Condition
		beside    bool // in a transaction
		want      error
		version   int64 // of the item afterwards, which is 1 before
		calls     int
	}{
		{"throttled, then done", []answer{throttle, throttle}, store.VersionIs(1), false, nil, 2, 3},
		{"throttled for good", []answer{throttle, throttle, throttle}, store.VersionIs(1), false, throttled, 1, 3},
		{"failed, then done", []answer{fail, fail}, store.VersionIs(1), false, nil, 2, 3},
		{"failed for good", []answer{fail, fail, fail}, store.VersionIs(1), false, unavailable, 1, 3},
		{"done, but the answer was lost", []answer{lose}, store.VersionIs(1), false, unavailable, 2, 2},
		{"done, but the connection broke", []answer{cut}, store.VersionIs(1), false, unavailable, 2, 2},
		{"done without condition, the answer lost", []answer{lose}, store.Condition{}, false, nil, 1, 2},
		{"throttled, then the condition does not hold", []answer{throttle}, store.VersionIs(7), false, conflict, 1, 2},
		{"kept off by a transaction", []answer{refuse(400, "TransactionConflictException", "")}, store.VersionIs(1), false, contended, 1, 1},
		{"a transaction throttled, then done", []answer{throttle}, store.VersionIs(1), true, nil, 2, 2},
		{"a transaction done, the answers lost, is known by its token", []answer{lose, cut}, store.VersionIs(1), true, nil, 2, 3},
		{"a transaction failed for good", []answer{fail, fail, fail}, store.VersionIs(1), true, unavailable, 1, 3},
		{"a transaction whose condition does not hold", nil, store.VersionIs(7), true, conflict, 1, 1},
		{"a transaction kept off", []answer{cancel("TransactionConflict", "None")}, store.VersionIs(1), true, contended, 1, 1},
		{"a transaction kept off whose condition does not hold", []answer{cancel("ConditionalCheckFailed", "TransactionConflict")},
			store.VersionIs(1), true, conflict, 1, 1},
		{"a transaction cancelled by throttling", []answer{cancel("ThrottlingError", "None")}, store.VersionIs(1), true, throttled, 1, 1},
		{"a transaction too large", []answer{cancel("None", "ValidationError")}, store.VersionIs(1), true, store.ErrTooLarge, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			operation := map[bool]string{false: "PutItem", true: "TransactWriteItems"}[test.beside]
			e, straight, w := wired(t, map[string][]answer{operation: test.answers})
			require.NoError(t, straight.Write(t.Context(), []store.Op{{Address: at(t, "a"), Value: note{}}}))
			ops := []store.Op{{Address: at(t, "a"), Value: note{N: 7}, Condition: test.condition}}
			if test.beside {
				ops = append(ops, store.Op{Address: at(t, "b"), Value: note{}})
			}
			err := e.Write(t.Context(), ops)
			if c := store.Conflicted(test.want); c != nil {
				require.Equal(t, test.want, err)
			} else {
				require.ErrorIs(t, err, test.want)
			}
			_, version := read(t, straight, at(t, "a"))
			require.Equal(t, test.version, version)
			require.Equal(t, test.calls, w.calls[operation])
		})
	}
}

func TestDeleteOnABadWire(t *testing.T) {
	e, straight, _ := wired(t, map[string][]answer{"DeleteItem": {lose}})
	require.NoError(t, straight.Write(t.Context(), []store.Op{{Address: at(t, "a"), Value: note{}}}))
	err := e.Write(t.Context(), []store.Op{{Action: store.Delete, Address: at(t, "a"), Condition: store.Present}})
	require.ErrorIs(t, err, store.ErrUnavailable)
	_, version := read(t, straight, at(t, "a"))
	require.Zero(t, version)
}

// A Put under Present counts up the version that another write has made between.
func TestPresentIsRaced(t *testing.T) {
	var straight store.Engine
	race := func(r *http.Request, forward func() (*http.Response, error)) (*http.Response, error) {
		if err := straight.Write(r.Context(), []store.Op{{Address: at(t, "a"), Value: note{}, Condition: store.Present}}); err != nil {
			return nil, err
		}
		return forward()
	}
	e, s, w := wired(t, map[string][]answer{"PutItem": {race, race}})
	straight = s
	require.NoError(t, s.Write(t.Context(), []store.Op{{Address: at(t, "a"), Value: note{}}}))
	put := []store.Op{{Address: at(t, "a"), Value: note{N: 7}, Condition: store.Present}}
	require.NoError(t, e.Write(t.Context(), put))
	n, version := read(t, s, at(t, "a"))
	require.Equal(t, int64(7), n.N)
	require.Equal(t, int64(4), version)

	w.always, w.script = true, map[string][]answer{"PutItem": {race}}
	require.Equal(t, &store.ConditionError{Contended: true}, e.Write(t.Context(), put))
}

// An Add that may have been made is not made again.
func TestAddOnABadWire(t *testing.T) {
	conflict := refuse(400, "TransactionConflictException", "")
	tests := []struct {
		name    string
		answers []answer
		want    error
		count   int64
		calls   int
	}{
		{"throttled, then done", []answer{throttle, throttle}, nil, 1, 3},
		{"kept off by a transaction, then done", []answer{conflict, conflict}, nil, 1, 3},
		{"failed", []answer{fail}, store.ErrUnavailable, 0, 1},
		{"done, but the answer was lost", []answer{lose}, store.ErrUnavailable, 1, 1},
		{"done, but the connection broke", []answer{cut}, store.ErrUnavailable, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, straight, w := wired(t, map[string][]answer{"UpdateItem": test.answers})
			_, err := e.Add(t.Context(), at(t, "a"), map[string]int64{"n": 1}, time.Time{})
			require.ErrorIs(t, err, test.want)
			n, _ := read(t, straight, at(t, "a"))
			require.Equal(t, test.count, n.N)
			require.Equal(t, test.calls, w.calls["UpdateItem"])
		})
	}
}

// So it is with one that starts again in the place of an item that has expired.
func TestAddAfterExpiryOnABadWire(t *testing.T) {
	e, straight, w := wired(t, map[string][]answer{"PutItem": {lose}})
	past := storetest.NewClock().Now().Add(-time.Second)
	require.NoError(t, straight.Write(t.Context(), []store.Op{{Address: at(t, "a"), Value: note{N: 7}, ExpiresAt: past}}))
	_, err := e.Add(t.Context(), at(t, "a"), map[string]int64{"n": 1}, time.Time{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	n, _ := read(t, straight, at(t, "a"))
	require.Equal(t, int64(1), n.N)
	require.Equal(t, 1, w.calls["PutItem"])
}

// What a batch leaves undone is repeated until it is done, the deadline is there or the attempts are used up.
func TestBatchesLeaveSome(t *testing.T) {
	var ops []store.Op
	var asked []store.Address
	for i := range 60 {
		a := at(t, fmt.Sprintf("%02d", i))
		ops, asked = append(ops, store.Op{Address: a, Value: note{N: int64(i)}}), append(asked, a)
	}
	write := func(n int) answer { return leave(n, "UnprocessedItems") }
	keys := func(n int) answer { return leave(n, "UnprocessedKeys") }

	e, _, w := wired(t, map[string][]answer{"BatchWriteItem": {write(7), write(0), write(3)}, "BatchGetItem": {keys(11), keys(0), keys(1)}})
	require.NoError(t, e.Load(t.Context(), ops))
	require.Equal(t, 6, w.calls["BatchWriteItem"])
	records, err := e.Get(t.Context(), asked, store.Strongly)
	require.NoError(t, err)
	require.Equal(t, 4, w.calls["BatchGetItem"])
	for i, r := range records {
		var n note
		require.NoError(t, r.Value.Decode(&n))
		require.Equal(t, int64(i), n.N)
	}

	e, _, w = wired(t, map[string][]answer{"BatchWriteItem": {write(0)}, "BatchGetItem": {keys(0)}})
	w.always = true
	require.ErrorIs(t, e.Load(t.Context(), ops[:2]), store.ErrThrottled)
	_, err = e.Get(t.Context(), asked[:2], store.Strongly)
	require.ErrorIs(t, err, store.ErrThrottled)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, e.Load(ctx, ops[:2]), context.DeadlineExceeded)

	e, _, _ = wired(t, map[string][]answer{"BatchWriteItem": {throttle, throttle, throttle}})
	require.ErrorIs(t, e.Load(t.Context(), ops[:2]), store.ErrThrottled)
}

// Every failure is one of package store's, and its text holds nothing of the data, which DynamoDB's messages may quote.
func TestFailures(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
	}{
		{400, "ThrottlingException", store.ErrThrottled},
		{400, "RequestLimitExceeded", store.ErrThrottled},
		{400, "AccessDeniedException", store.ErrDenied},
		{400, "UnrecognizedClientException", store.ErrDenied},
		{400, "ExpiredTokenException", store.ErrDenied},
		{500, "InternalServerError", store.ErrUnavailable},
		{503, "ServiceUnavailable", store.ErrUnavailable},
		{400, "ResourceNotFoundException", nil},
		{400, "ValidationException", nil},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			script, all := map[string][]answer{}, []string{"GetItem", "BatchGetItem", "Query", "PutItem", "DeleteItem",
				"TransactWriteItems", "BatchWriteItem", "UpdateItem"}
			for _, operation := range all {
				script[operation] = []answer{refuse(test.status, test.code, "the key SECRET is wrong")}
			}
			e, _, w := wired(t, script)
			w.always = true
			for i, err := range everyCall(t.Context(), e) {
				require.Error(t, err)
				require.NotContains(t, err.Error(), "SECRET", all[i])
				for _, known := range []error{store.ErrThrottled, store.ErrDenied, store.ErrUnavailable, store.ErrTooLarge} {
					require.Equal(t, known == test.want, errors.Is(err, known), "%s: %v", all[i], err)
				}
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		for _, err := range everyCall(t.Context(), refused(t)) {
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.NotContains(t, err.Error(), "SECRET")
		}
	})
	t.Run("the size of an item that grows", func(t *testing.T) {
		e, _, _ := wired(t, map[string][]answer{"UpdateItem": {refuse(400, "ValidationException",
			"Item size to update has exceeded the maximum allowed size")}})
		_, err := e.Add(t.Context(), at(t, "a"), map[string]int64{"n": 1}, time.Time{})
		require.ErrorIs(t, err, store.ErrTooLarge)
	})
}

// everyCall makes one call of each operation of DynamoDB.
func everyCall(ctx context.Context, e store.Engine) (failed []error) {
	a, b := store.Address{Table: store.CoreTable, PK: "SECRET", SK: "a"}, store.Address{Table: store.CoreTable, PK: "SECRET", SK: "b"}
	op := store.Op{Address: a, Value: note{}}
	_, get := e.Get(ctx, []store.Address{a}, store.Strongly)
	_, batch := e.Get(ctx, []store.Address{a, b}, store.Strongly)
	_, query := e.Query(ctx, store.Range{Table: store.CoreTable, PK: "SECRET", From: "a", To: "b"})
	put := e.Write(ctx, []store.Op{op})
	remove := e.Write(ctx, []store.Op{{Action: store.Delete, Address: a}})
	transaction := e.Write(ctx, []store.Op{op, {Address: b, Value: note{}}})
	load := e.Load(ctx, []store.Op{op})
	_, add := e.Add(ctx, a, map[string]int64{"n": 1}, time.Time{})
	return []error{get, batch, query, put, remove, transaction, load, add}
}
