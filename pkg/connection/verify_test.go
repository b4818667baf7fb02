package connection_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestARoleIsVerified(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	arn := a.Clouds.Role(t, account, "r", customertest.Trust(customertest.Platform, c.ExternalID))
	a.Advance(time.Minute)
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": arn}).Is(t, 200)
	want, now := c, a.Now()
	want.RoleARN, want.Status, want.VerifiedAt, want.UpdatedAt = arn, connection.Connected, &now, now
	require.Equal(t, want, read(t, a.Alice, c))
	require.Equal(t, []customertest.Call{{Action: "sts:GetCallerIdentity", Account: account, Role: arn, Session: "tenantry-" + string(a.Alice.Tenant)}},
		a.Clouds.Calls(), "in a session that names the tenant")
	require.Len(t, claims(t, a), 2, "from the account, and from the tenant")

	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": "\t" + arn + " \n"}).Is(t, 200)
	require.Len(t, a.Clouds.Calls(), 1, "it is that already, and blanks that were pasted with it do not count")
	a.Advance(10 * time.Minute)
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	require.Equal(t, a.Now(), *read(t, a.Alice, c).VerifiedAt)
}

// What is refused says why and what to do, and changes nothing.
func TestRolesThatAreRefused(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	role := func(trust string) string { return a.Clouds.Role(t, account, "r", trust) }
	with := func(condition string) string {
		return strings.Replace(customertest.Trust(customertest.Platform, "x"), `{"StringEquals":{"sts:ExternalId":"x"}}`, condition, 1)
	}
	for name, test := range map[string]struct {
		arn  func() string
		says string
	}{
		"no ARN":                          {func() string { return "tenantry" }, "This is no ARN of an IAM role. Give the output RoleArn of the stack: arn:aws:iam::111122223333:role/tenantry/..."},
		"an ARN with too few parts":       {func() string { return "arn:aws:iam::111122223333" }, "This is no ARN of an IAM role."},
		"an ARN of S3":                    {func() string { return "arn:aws:s3:::bucket/role" }, "This is no ARN of an IAM role."},
		"a session of a role":             {func() string { return "arn:aws:sts::111122223333:assumed-role/r/x" }, "This is no ARN of an IAM role."},
		"a user":                          {func() string { return "arn:aws:iam::111122223333:user/tenantry/r" }, "something else in IAM than a role"},
		"the account itself":              {func() string { return "arn:aws:iam::111122223333:root" }, "something else in IAM than a role"},
		"a role of another partition":     {func() string { return "arn:aws-cn:iam::111122223333:role/tenantry/r" }, "This role is in the partition aws-cn of AWS, and the connection is to an account in aws."},
		"a role of another account":       {func() string { return "arn:aws:iam::444455556666:role/tenantry/r" }, "This role is of the account 444455556666, and the connection is to 111122223333. Create the stack in the account 111122223333"},
		"a role below another path":       {func() string { return "arn:aws:iam::111122223333:role/r" }, "does not lie below the path /tenantry/"},
		"a role whose name goes up":       {func() string { return "arn:aws:iam::111122223333:role/tenantry/" }, "does not lie below the path /tenantry/"},
		"a role with a wildcard":          {func() string { return "arn:aws:iam::111122223333:role/tenantry/*" }, "does not lie below the path /tenantry/"},
		"a role that is not there":        {func() string { return "arn:aws:iam::111122223333:role/tenantry/none" }, "cannot be taken with the ExternalId of this connection. See that the role is there"},
		"trust with another ExternalId":   {func() string { return role(customertest.Trust(customertest.Platform, "tne_another")) }, "cannot be taken with the ExternalId of this connection."},
		"trust of another account":        {func() string { return role(customertest.Trust("arn:aws:iam::999999999999:root", c.ExternalID)) }, "cannot be taken with the ExternalId of this connection."},
		"trust that is none":              {func() string { return role(`{"Version":"2012-10-17","Statement":[]}`) }, "cannot be taken with the ExternalId of this connection."},
		"trust without ExternalId":        {func() string { return role(customertest.Trust(customertest.Platform, "")) }, "can be taken without an ExternalId, so that whoever knows its name could have the platform read the account. Add the condition on sts:ExternalId"},
		"trust of anybody":                {func() string { return role(customertest.Trust("*", "")) }, "can be taken without an ExternalId"},
		"trust with any ExternalId":       {func() string { return role(with(`{"StringLike":{"sts:ExternalId":"*"}}`)) }, "can be taken with other ExternalIds than this connection's. Have the condition on sts:ExternalId in its trust policy be StringEquals"},
		"trust with ExternalIds of ours":  {func() string { return role(with(`{"StringLike":{"sts:ExternalId":"tne_*"}}`)) }, "can be taken with other ExternalIds than this connection's."},
		"trust with any, if there is one": {func() string { return role(with(`{"Null":{"sts:ExternalId":"false"}}`)) }, "can be taken with other ExternalIds than this connection's."},
		"trust with it or without": {func() string {
			return role(with(`{"ForAllValues:StringEquals":{"sts:ExternalId":"` + c.ExternalID + `"}}`))
		},
			"can be taken without an ExternalId"},
		"a profile": {func() string { return "" }, "A profile is of the machine that the platform runs on, and this platform runs on none that you could sign in to."},
	} {
		t.Run(name, func(t *testing.T) {
			said := body{"name": "changed", "roleArn": test.arn()}
			if said["roleArn"] == "" {
				said = body{"profile": "default"}
			}
			answer := a.Alice.Do(t, "PATCH", path(a.Alice, c), said)
			answer.Fails(t, 422, test.says)
			require.NotContains(t, string(answer.Body), "tne_")
			require.Equal(t, c, read(t, a.Alice, c))
			require.Empty(t, claims(t, a))
		})
	}
}

func TestWhatCannotBeToldNow(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	for _, code := range []string{"InternalFailure", "ExpiredToken", "RegionDisabledException"} {
		a.Clouds.Fail(code)
		a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Fails(t, 503, "AWS does not say now whether the role can be taken. Try again in a minute.")
		a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": c.RoleARN + "2"}).Fails(t, 503, "")
		require.Equal(t, c, read(t, a.Alice, c), code)
	}
	a.Clouds.Fail("")
	nothing := a.Another(t, withoutVerifier)
	r, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+path(a.Alice, c)+"/verify", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+a.Alice.Token)
	answer := &recorder{header: http.Header{}}
	nothing.ServeHTTP(answer, r)
	require.Equal(t, 503, answer.status, answer.body.String()+a.Log.String())
	require.Contains(t, answer.body.String(), "Connecting accounts is not set up here.")
}

func TestAConnectionThatBreaks(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Fails(t, 409, "The connection has no role yet.")
	c = connected(t, a, a.Alice, "444455556666")
	a.Clouds.Role(t, "444455556666", string(c.ID), customertest.Trust(customertest.Platform, ""))
	a.Advance(10 * time.Minute)
	since := a.Now()
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	broken := read(t, a.Alice, c)
	require.Equal(t, connection.Broken, broken.Status)
	require.Contains(t, broken.Reason, "can be taken without an ExternalId")
	require.Equal(t, since, *broken.BrokenSince)
	require.Equal(t, c.VerifiedAt, broken.VerifiedAt)

	a.Advance(10 * time.Minute)
	a.Clouds.RemoveRole(t, "444455556666", string(c.ID))
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	broken = read(t, a.Alice, c)
	require.Contains(t, broken.Reason, "cannot be taken")
	require.Equal(t, since, *broken.BrokenSince, "it has been since")

	a.Clouds.Role(t, "444455556666", string(c.ID), customertest.Trust(customertest.Platform, c.ExternalID))
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": c.RoleARN}).Is(t, 200)
	mended := read(t, a.Alice, c)
	require.Equal(t, connection.Connected, mended.Status)
	require.Empty(t, mended.Reason)
	require.Nil(t, mended.BrokenSince)
}

func TestAnAccountIsOfOneTenant(t *testing.T) {
	a := apptest.New(t)
	alices := connected(t, a, a.Alice, account)
	bobs := connecting(t, a.Bob, account)
	arn := a.Clouds.Role(t, account, "bobs", customertest.Trust(customertest.Platform, bobs.ExternalID))
	answer := a.Bob.Do(t, "PATCH", path(a.Bob, bobs), body{"roleArn": arn})
	answer.Fails(t, 409, "The account 111122223333 is connected in another organization of this platform, and an account belongs to one at a time.")
	for _, secret := range []string{string(a.Alice.Tenant), "alice", string(alices.ID)} {
		require.NotContains(t, string(answer.Body), secret)
	}
	require.Equal(t, bobs, read(t, a.Bob, bobs))

	second := connecting(t, a.Alice, account)
	mine := a.Clouds.Role(t, account, "second", customertest.Trust(customertest.Platform, second.ExternalID))
	a.Alice.Do(t, "PATCH", path(a.Alice, second), body{"roleArn": mine}).Fails(t, 409, fmt.Sprintf("is connected already in this organization, as %q (%s)", alices.Name, alices.ID))

	// Who has not verified an account keeps nobody from it, and who has disconnected it neither.
	a.Alice.Do(t, "DELETE", path(a.Alice, second), nil).Is(t, 204)
	require.Len(t, claims(t, a), 2)
	a.Alice.Do(t, "DELETE", path(a.Alice, alices), nil).Is(t, 204)
	require.Empty(t, claims(t, a))
	a.Alice.Get(t, path(a.Alice, alices)).Is(t, 404)
	a.Bob.Do(t, "PATCH", path(a.Bob, bobs), body{"roleArn": arn}).Is(t, 200)
	third := connecting(t, a.Alice, account)
	arn = a.Clouds.Role(t, account, "third", customertest.Trust(customertest.Platform, third.ExternalID))
	a.Alice.Do(t, "PATCH", path(a.Alice, third), body{"roleArn": arn}).Fails(t, 409, "another organization")
	a.Bob.Do(t, "DELETE", path(a.Bob, bobs), nil).Is(t, 204)
	a.Alice.Do(t, "PATCH", path(a.Alice, third), body{"roleArn": arn}).Is(t, 200)
	require.NotEqual(t, alices.ExternalID, third.ExternalID, "connected again, it is another")
}

func TestTwoTenantsThatVerifyAtOnce(t *testing.T) {
	for range 10 {
		a := apptest.New(t)
		homes := []*apptest.Home{a.Alice, a.Bob}
		made, status := make([]connection.Connection, 2), make([]int, 2)
		arns := make([]string, 2)
		for i, h := range homes {
			made[i] = connecting(t, h, account)
			arns[i] = a.Clouds.Role(t, account, fmt.Sprint("r", i), customertest.Trust(customertest.Platform, made[i].ExternalID))
		}
		var done sync.WaitGroup
		for i, h := range homes {
			done.Go(func() { status[i] = h.Do(t, "PATCH", path(h, made[i]), body{"roleArn": arns[i]}).Status })
		}
		done.Wait()
		require.ElementsMatch(t, []int{200, 409}, status)
		for i, h := range homes {
			require.Equal(t, status[i] == 200, read(t, h, made[i]).Status == connection.Connected)
		}
		require.Len(t, claims(t, a), 2)
	}
}

// A crash between the claim and the connection, or the connection and its claim, leaves what the same request mends: every
// write of a request fails in turn, before or after it was made.
func TestACrashInTheMiddle(t *testing.T) {
	for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written} {
		for at := 1; at <= 3; at++ {
			t.Run(fmt.Sprintf("fault %v of write %d", f, at), func(t *testing.T) {
				a := apptest.New(t)
				crash := func() {
					n := 0
					a.Faults.Plan(func(m storetest.Method, _ int) storetest.Fault {
						if m != storetest.Write {
							return storetest.None
						}
						if n++; n == at {
							return f
						} else if n > at {
							return storetest.NotWritten
						}
						return storetest.None
					})
				}
				c := connecting(t, a.Alice, account)
				arn := a.Clouds.Role(t, account, "r", customertest.Trust(customertest.Platform, c.ExternalID))
				crash()
				a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": arn})
				a.Faults.Plan(nil)
				a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": arn}).Is(t, 200)
				require.Equal(t, connection.Connected, read(t, a.Alice, c).Status)
				require.Len(t, claims(t, a), 2)

				crash()
				a.Alice.Do(t, "DELETE", path(a.Alice, c), nil)
				a.Faults.Plan(nil)
				again := a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Status
				require.Contains(t, []int{204, 404}, again)
				a.Alice.Get(t, path(a.Alice, c)).Is(t, 404)
				require.Empty(t, claims(t, a))
				a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Is(t, 404)
			})
		}
	}
}

// What a deletion that broke off has left of a claim keeps the tenant itself from nothing.
func TestAClaimOfNoConnectionIsTakenOver(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	scope, err := tenant.Work(a.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Action: store.Delete, Key: store.Connection(c.ID)}))
	connected(t, a, a.Alice, account)
	require.Len(t, claims(t, a), 2)
	a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Is(t, 404)
	require.Len(t, claims(t, a), 2, "it is the new one's")
}

// meanwhile does something between a verification and what comes of it.
type meanwhile struct {
	connection.Verifier
	do func()
}

func (m meanwhile) Verify(ctx context.Context, s *tenant.Scope, c connection.Connection) error {
	err := m.Verifier.Verify(ctx, s, c)
	m.do()
	return err
}

// A connection that is deleted while it is verified keeps no claim.
func TestDeletedWhileItIsVerified(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	arn := a.Clouds.Role(t, account, "r", customertest.Trust(customertest.Platform, c.ExternalID))
	server := a.Another(t, func(d *api.Deps) {
		d.Verifier = meanwhile{d.Verifier, func() { a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Is(t, 204) }}
	})
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", a.URL+path(a.Alice, c), strings.NewReader(`{"roleArn":"`+arn+`"}`))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+a.Alice.Token)
	r.Header.Set("Content-Type", "application/json")
	answer := &recorder{header: http.Header{}}
	server.ServeHTTP(answer, r)
	require.Equal(t, 404, answer.status, answer.body.String())
	require.Empty(t, claims(t, a))
}

// What was paused for having been broken too long goes on when it is verified, and not before.
func TestAConnectionThatWasBrokenTooLong(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	scope, err := tenant.Work(a.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	kept, _, err := connection.Read(t.Context(), h, c.ID)
	require.NoError(t, err)
	since := a.Now()
	kept.Status, kept.Reason, kept.BrokenSince = connection.Paused, "Access was denied for 7 days.", &since
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: kept, Condition: store.Present}))
	a.Clouds.RemoveRole(t, account, string(c.ID))
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	still := read(t, a.Alice, c)
	require.Equal(t, connection.Paused, still.Status)
	require.Contains(t, still.Reason, "cannot be taken")
	a.Clouds.Role(t, account, string(c.ID), customertest.Trust(customertest.Platform, c.ExternalID))
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	require.Equal(t, connection.Connected, read(t, a.Alice, c).Status)
}
