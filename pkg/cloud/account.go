package cloud

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/tenantry/tenantry/pkg/fault"
)

// account is AWS as Lambda's environment names it to the function: its role's credentials, and endpoints where they are other than
// usual. The SDK's own way to its configuration brings with it all that a person's machine may need, profiles and sign-in by browser
// among it, a quarter of a function's size.
func account(region string, getenv func(string) string) (aws.Config, error) {
	c := aws.Credentials{AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: getenv("AWS_SESSION_TOKEN"), AccountID: getenv("AWS_ACCOUNT_ID"), Source: "environment"}
	if !c.HasKeys() {
		return aws.Config{}, fault.Wrap(errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing"),
			fault.Unavailable, "The service's access to AWS is not set up.")
	}
	config := aws.Config{
		Region:                     region,
		Credentials:                aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil }),
		HTTPClient:                 awshttp.NewBuildableClient(),
		ConfigSources:              []any{endpoints(getenv)},
		AccountIDEndpointMode:      aws.AccountIDEndpointModePreferred,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if url := getenv("AWS_ENDPOINT_URL"); url != "" {
		config.BaseEndpoint = &url
	}
	return config, nil
}

// endpoints are those of single services, in AWS_ENDPOINT_URL_<SERVICE>: docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
type endpoints func(name string) string

// GetServiceBaseEndpoint is what the SDK asks its sources of configuration.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url := e("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return url, url != "", nil
}
