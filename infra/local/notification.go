package main

import (
	"encoding/json"
	"net/url"
	"time"
)

// notification is the part of S3's event notification that says which object has arrived
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
type notification struct {
	Records []notificationRecord `json:"Records"`
}

type notificationRecord struct {
	EventVersion string    `json:"eventVersion"`
	EventSource  string    `json:"eventSource"`
	EventTime    time.Time `json:"eventTime"`
	EventName    string    `json:"eventName"`
	S3           struct {
		Object object `json:"object"`
	} `json:"s3"`
}

type object struct {
	Key  string `json:"key"` // URL-encoded
	Size int64  `json:"size"`
}

// objectCreated is the message that S3 would have sent of a file, so that one worker reads both.
func objectCreated(key string, size int64, at time.Time) ([]byte, error) {
	r := notificationRecord{EventVersion: "2.1", EventSource: "aws:s3", EventTime: at.UTC(), EventName: "ObjectCreated:Put"}
	r.S3.Object = object{Key: url.QueryEscape(key), Size: size}
	return json.Marshal(notification{Records: []notificationRecord{r}})
}
