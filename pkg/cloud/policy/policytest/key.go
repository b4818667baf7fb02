package policytest

import (
	"slices"
	"strings"
)

// Encrypt has tables, buckets and queues be encrypted with keys, by their ARNs: who uses what is encrypted must be allowed to use the key, by
// the service alone (docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service).
func (a *Account) Encrypt(keys map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = keys
}

// AskEncrypted is Ask, and asks for the key too where the resource is encrypted.
func (a *Account) AskEncrypted(r Request) bool {
	for _, one := range a.withKeys([]Request{r}) {
		if !a.Ask(one) {
			return false
		}
	}
	return true
}

// onKeys is what services do with the key of what they keep, on behalf of who calls them: writing makes a data key, all else that touches
// content reads one. SQS reads one where it sends, too, to see that it can.
var onKeys = map[string][]string{
	"s3:GetObject": {"kms:Decrypt"}, "s3:GetObjectVersion": {"kms:Decrypt"}, "s3:PutObject": {"kms:Decrypt", "kms:GenerateDataKey"},
	"sqs:SendMessage": {"kms:Decrypt", "kms:GenerateDataKey"}, "sqs:ReceiveMessage": {"kms:Decrypt"},
}

// withKeys adds what is asked of keys.
func (a *Account) withKeys(requests []Request) []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Clone(requests)
	for _, r := range requests {
		service, _, _ := strings.Cut(r.Action, ":")
		key := a.keys[owner(service, r.Resource)]
		actions := onKeys[r.Action]
		if service == "dynamodb" {
			actions = []string{"kms:Decrypt"}
		}
		if key == "" {
			continue
		}
		for _, action := range actions {
			of := Request{Action: action, Resource: key, Principal: r.Principal, Context: map[string][]string{
				"kms:viaservice": {service + "." + region + ".amazonaws.com"}, "kms:calleraccount": {id}}}
			for _, name := range []string{"aws:sourcearn", "aws:sourceaccount"} {
				if v := r.Context[name]; v != nil {
					of.Context[name] = v
				}
			}
			all = append(all, of)
		}
	}
	return all
}
