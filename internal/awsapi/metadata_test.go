package awsapi

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"balanced/internal/failure"
)

// The settings of the metadata service are those that the SDK itself would find, and so are the refusals.
func TestMetadataSettingsAreThoseOfTheSDK(t *testing.T) {
	dir := t.TempDir()
	named := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := map[string]string{
		"AWS_CONFIG_FILE":             named("config", "[default]\nec2_metadata_service_endpoint = http://one/\n[profile web]\nec2_metadata_service_endpoint_mode = IPv6\n"),
		"AWS_SHARED_CREDENTIALS_FILE": named("credentials", "[db]\naws_access_key_id = a\naws_secret_access_key = b\n"),
	}
	for name, env := range map[string]map[string]string{
		"no files":                        {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"},
		"files":                           files,
		"a profile":                       {"AWS_PROFILE": "web"},
		"a profile with nothing but keys": {"AWS_PROFILE": "db"},
		"a profile that is not there":     {"AWS_PROFILE": "none"},
		"a default that is not there":     {"AWS_DEFAULT_PROFILE": "none"},
		"a mode that is none":             {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"},
		"a file with a mode that is none": {"AWS_CONFIG_FILE": named("broken", "[default]\nec2_metadata_service_endpoint_mode = IPv5\n")},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "nowhere")
			for _, settings := range []map[string]string{{"AWS_DEFAULT_PROFILE": "", "AWS_CA_BUNDLE": ""}, files, env} {
				for key, value := range settings {
					t.Setenv(key, value)
				}
			}
			sdk, refusal := config.LoadDefaultConfig(t.Context())
			got, err := MetadataSettings(t.Context())
			if (err == nil) != (refusal == nil) || err != nil && failure.Of(err) != failure.Setup {
				t.Fatalf("%v; the SDK: %v", err, refusal)
			}
			if err == nil && !reflect.DeepEqual(got.ConfigSources, sdk.ConfigSources[1:]) { // the first are options
				t.Errorf("%+v; the SDK: %+v", got.ConfigSources, sdk.ConfigSources[1:])
			}
		})
	}
}

// Only Load reads the certificates of AWS_CA_BUNDLE: the metadata service speaks plain HTTP.
func TestMetadataSettingsReadNoCertificates(t *testing.T) {
	keysIn(t, "nowhere")
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "none.pem"))
	if _, err := MetadataSettings(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Load(t.Context(), Options{Region: "eu-west-1"}); failure.Of(err) != failure.Setup {
		t.Errorf("loaded with a bundle that is not there: %v", err)
	}
}
