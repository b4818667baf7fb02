package policytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// requestsOf gives what IAM is asked about for a request, at least one thing.
func requestsOf(service string, r *http.Request, body []byte) ([]Request, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "dynamodb":
		all, err := DynamoDB(operation, body, Table)
		if err == nil && len(all) == 0 {
			err = fmt.Errorf("%s asks for nothing", operation)
		}
		return all, err
	case "s3":
		return s3(r), nil
	case "sqs":
		var of struct{ QueueUrl string }
		err := json.Unmarshal(body, &of)
		return []Request{{Action: "sqs:" + operation, Resource: Queue(path.Base(of.QueueUrl)), Context: map[string][]string{}}}, err
	case "scheduler":
		return schedules(r, body)
	case "sts":
		form, err := url.ParseQuery(string(body))
		return assumeRole(form), err
	}
	return nil, fmt.Errorf("nothing is known of %s", service)
}

// schedules asks beside the action itself whether the role that a schedule is given may be passed.
func schedules(r *http.Request, body []byte) ([]Request, error) {
	name, one := strings.CutPrefix(r.URL.Path, "/schedules/")
	if !one {
		return []Request{{Action: "scheduler:ListSchedules", Resource: "*", Context: map[string][]string{}}}, nil
	}
	action := map[string]string{http.MethodPost: "Create", http.MethodPut: "Update", http.MethodDelete: "Delete", http.MethodGet: "Get"}[r.Method] + "Schedule"
	in := struct {
		GroupName string
		Target    struct{ RoleArn string }
	}{GroupName: r.URL.Query().Get("groupName")}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, err
		}
	}
	all := []Request{{Action: "scheduler:" + action, Resource: Schedule(in.GroupName, name), Context: map[string][]string{}}}
	if role := in.Target.RoleArn; role != "" {
		all = append(all, Request{Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:passedtoservice": {"scheduler.amazonaws.com"}}})
	}
	return all, nil
}

// s3 takes addresses with the bucket in the path.
func s3(r *http.Request) []Request {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	out := Request{Action: "s3:" + r.Method + "Object", Resource: Bucket(bucket) + "/" + key, Context: map[string][]string{}}
	switch {
	case key == "":
		out.Action, out.Resource = "s3:"+r.Method+"Bucket", Bucket(bucket)
		if r.Method == http.MethodGet && r.URL.Query().Has("list-type") {
			out.Action = "s3:ListBucket"
		}
		if r.Method == http.MethodGet && r.URL.Query().Has("versions") {
			out.Action = "s3:ListBucketVersions"
		}
		if r.URL.Query().Has("prefix") {
			out.Context["s3:prefix"] = r.URL.Query()["prefix"]
		}
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		out.Action = "s3:GetObject"
	case r.Method == http.MethodPut, r.Method == http.MethodPost && (r.URL.Query().Has("uploads") || r.URL.Query().Has("uploadId")):
		out.Action = "s3:PutObject" // multipart uploads too
	case r.Method == http.MethodDelete && r.URL.Query().Has("uploadId"):
		out.Action = "s3:AbortMultipartUpload"
	case r.Method == http.MethodDelete && r.URL.Query().Has("versionId"):
		out.Action = "s3:DeleteObjectVersion"
	case r.Method == http.MethodDelete:
		out.Action = "s3:DeleteObject"
	}
	return []Request{out}
}

// assumeRole asks for the tags too, where there are some.
func assumeRole(form url.Values) []Request {
	one := func(action string) Request {
		r := Request{Action: "sts:" + action, Resource: form.Get("RoleArn"), Context: map[string][]string{}}
		for key, value := range tagsOf(form) {
			r.Context["aws:requesttag/"+strings.ToLower(key)] = []string{value}
			r.Context["aws:tagkeys"] = append(r.Context["aws:tagkeys"], key)
		}
		if form.Has("ExternalId") {
			r.Context["sts:externalid"] = []string{form.Get("ExternalId")}
		}
		if name := form.Get("RoleSessionName"); name != "" {
			r.Context["sts:rolesessionname"] = []string{name}
		}
		return r
	}
	all := []Request{one(form.Get("Action"))}
	if len(tagsOf(form)) > 0 {
		all = append(all, one("TagSession"))
	}
	return all
}

// tagsOf gives the session tags of a call of AssumeRole.
func tagsOf(form url.Values) map[string]string {
	tags := map[string]string{}
	for n := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		tags[form.Get(fmt.Sprintf("Tags.member.%d.Key", n))] = form.Get(fmt.Sprintf("Tags.member.%d.Value", n))
	}
	return tags
}
