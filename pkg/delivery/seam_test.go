package delivery_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/delivery"
)

// Only what Name and the tenant's folder give is the key of a delivery's file: all else in the bucket asks for nothing.
func TestWhichObjectsAreFilesOfDeliveries(t *testing.T) {
	const owner, id = "ten_01J00000000000000000000000", "imp_01J00000000000000000000000"
	parse := func(key string) []delivery.Message {
		all, err := delivery.ParseMessages(fmt.Appendf(nil, `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":%q,"size":9}}}]}`, key))
		require.NoError(t, err)
		return all
	}
	want := []delivery.Message{{Kind: delivery.Uploaded, Tenant: owner, Delivery: id, File: 12, Size: 9}}
	require.Equal(t, want, parse("tenants/"+owner+"/"+delivery.Name(id, 12)))
	require.Equal(t, want, parse("tenants%2F"+owner+"%2Fdeliveries%2F"+id+"%2F12"), "as S3 writes keys into events")
	for name, key := range map[string]string{
		"an export":                "tenants/" + owner + "/exports/" + id + "/12",
		"a delivery's folder":      "tenants/" + owner + "/deliveries/" + id,
		"a file below a file":      "tenants/" + owner + "/deliveries/" + id + "/12/0",
		"a number below zero":      "tenants/" + owner + "/deliveries/" + id + "/-1",
		"a number written oddly":   "tenants/" + owner + "/deliveries/" + id + "/%2B12",
		"a number with zeros":      "tenants/" + owner + "/deliveries/" + id + "/012",
		"no number":                "tenants/" + owner + "/deliveries/" + id + "/a",
		"no tenant":                "deliveries/" + id + "/12",
		"a tenant that is none":    "tenants/ten_x/deliveries/" + id + "/12",
		"a delivery that is none":  "tenants/" + owner + "/deliveries/imp_x/12",
		"a way out of the tenant":  "tenants/" + owner + "/../" + owner + "/deliveries/" + id + "/12",
		"an escape that is broken": "tenants/" + owner + "/deliveries/" + id + "/%zz",
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, parse(key)) })
	}
}
