package awsapi

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// keyring hands the SDK its credentials and remembers which ones were used last.
type keyring struct {
	aws.CredentialsProvider
	mu      sync.Mutex
	renewed bool // the last ones end by themselves, and are then fetched anew
}

// Retrieve meets aws.CredentialsProvider.
func (k *keyring) Retrieve(ctx context.Context) (aws.Credentials, error) {
	keys, err := k.CredentialsProvider.Retrieve(ctx)
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.renewed = keys.CanExpire
	}
	return keys, err
}

// Invalidate makes the next request fetch credentials anew.
func (k *keyring) Invalidate() {
	if cache, ok := k.CredentialsProvider.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

func (k *keyring) renews() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.renewed
}

// keySource is where the credentials of a session come from.
type keySource struct {
	role bool   // from the instance's own role, which EC2 rotates
	name string // as people say it: "the environment (AWS_ACCESS_KEY_ID)"
	fix  string // what to do where they are wrong
}

var instanceRole = keySource{
	role: true, name: "the instance's role",
	fix: "give the instance a profile with the policy that balanced policy prints",
}

// heal says whether AWS may take these keys later, when it now calls them expired or unknown. Those of the instance's
// role are rotated, and a new role may not be known everywhere yet. Others that end by themselves are fetched anew, which
// one try shows. Keys that stand in the environment or in a file stay what they are.
func (k keySource) heal(kind codeKind, unknown int, renewed bool) bool {
	switch {
	case k.role:
		return true
	case kind == codeExpired:
		return renewed
	}
	return renewed && unknown < 2
}

// keysFrom follows the SDK's order: keys in the environment, a web identity there, the profile, a container's endpoint,
// the instance's role (AWS SDKs and Tools Reference Guide, "Credential provider chain").
func keysFrom(cfg aws.Config) keySource {
	env, shared := settings(cfg)
	variable := func(name string) keySource {
		return keySource{name: "the environment (" + name + ")", fix: "fix or unset " + name + ", so that the instance's role is used"}
	}
	switch {
	case env.Credentials.HasKeys():
		return variable("AWS_ACCESS_KEY_ID")
	case env.WebIdentityTokenFilePath != "":
		return variable("AWS_WEB_IDENTITY_TOKEN_FILE")
	}
	if kind := profileKeys(shared); kind != "" {
		where := place(shared)
		return keySource{name: kind + " of " + where, fix: "fix or remove " + kind + " of " + where + ", so that the instance's role is used"}
	}
	switch {
	case env.ContainerCredentialsRelativePath != "":
		return variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
	case env.ContainerCredentialsEndpoint != "":
		return variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	}
	return instanceRole
}

// profileKeys says what in a profile the SDK takes credentials from; empty where nothing.
func profileKeys(p config.SharedConfig) string {
	switch {
	case p.RoleARN != "" && p.WebIdentityTokenFile == "":
		return "role_arn"
	case p.Credentials.HasKeys():
		return "the access keys"
	case p.CredentialSource != "":
		return "credential_source"
	case p.WebIdentityTokenFile != "":
		return "web_identity_token_file"
	case p.SSOSession != nil || p.SSOAccountID != "":
		return "the single sign-on"
	case p.LoginSession != "":
		return "login_session"
	case p.CredentialProcess != "":
		return "credential_process"
	}
	return ""
}

// settings are what the SDK read in the environment and in the shared files.
func settings(cfg aws.Config) (env config.EnvConfig, shared config.SharedConfig) {
	for _, source := range cfg.ConfigSources {
		switch s := source.(type) {
		case config.EnvConfig:
			env = s
		case config.SharedConfig:
			shared = s
		}
	}
	return env, shared
}

// place names a profile and its file: "profile web in /root/.aws/config". Of keys the SDK says the file; of anything
// else it may be either.
func place(p config.SharedConfig) string {
	_, file, _ := strings.Cut(p.Credentials.Source, ": ")
	if file == "" {
		file = profileFile(p.Profile)
	}
	return fmt.Sprintf("profile %s in %s", p.Profile, file)
}

// profileFile is the file that has a section for the profile.
func profileFile(profile string) string {
	paths := sharedFiles()
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			section, is := strings.CutPrefix(strings.TrimSpace(line), "[")
			section = strings.TrimPrefix(strings.TrimSpace(strings.TrimSuffix(section, "]")), "profile ")
			if is && strings.TrimSpace(section) == profile {
				return path
			}
		}
	}
	return paths[0]
}

// sharedFiles are the config file and the credentials file.
func sharedFiles() [2]string {
	paths := [2]string{config.DefaultSharedConfigFilename(), config.DefaultSharedCredentialsFilename()}
	for i, name := range [2]string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		if set := os.Getenv(name); set != "" {
			paths[i] = set
		}
	}
	return paths
}
