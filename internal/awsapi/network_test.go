package awsapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balanced/internal/failure"
)

func TestACertificateOfAnUnknownAuthorityIsASetting(t *testing.T) {
	keysIn(t, "environment")
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	api.StartTLS()
	defer api.Close()
	for _, bundle := range []string{"", "elsewhere"} {
		hint := "AWS_CA_BUNDLE"
		if bundle != "" {
			other := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(other, []byte(otherAuthority), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CA_BUNDLE", other)
			hint = other
		}
		s, err := Load(t.Context(), Options{Region: "eu-west-1", Endpoint: api.URL})
		if err != nil {
			t.Fatal(err)
		}
		err = describe(t.Context(), s)
		if failure.Of(err) != failure.Setup || !strings.Contains(err.Error(), strings.TrimPrefix(api.URL, "https://")) || !strings.Contains(failure.Hint(err), hint) {
			t.Errorf("bundle %q: %v, class %v; %s", bundle, err, failure.Of(err), failure.Hint(err))
		}
	}
}

// server presents a certificate that is trusted but for one thing.
func server(t *testing.T, name string, until time.Time) (url string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-48 * time.Hour), NotAfter: until, DNSNames: []string{name},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	api.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	api.StartTLS()
	t.Cleanup(api.Close)
	return api.URL
}

// firstFailure is the error of a call whose time ends after its first attempt.
func firstFailure(t *testing.T, endpoint string) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s, err := Load(ctx, Options{Region: "eu-west-1", Endpoint: endpoint, Rand: func() float64 { cancel(context.DeadlineExceeded); return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return describe(ctx, s)
}

// A certificate that is over may be a clock that is being set; one of another name stays that.
func TestOtherCertificates(t *testing.T) {
	for name, c := range map[string]struct {
		host  string
		until time.Time
		want  failure.Class
		hint  string
	}{
		"over":             {"127.0.0.1", time.Now().Add(-time.Hour), failure.Unreachable, "clock"},
		"not yet valid":    {"127.0.0.1", time.Now().Add(100 * time.Hour), failure.Unreachable, "clock"},
		"of somebody else": {"other.example", time.Now().Add(time.Hour), failure.Setup, "AWS_ENDPOINT_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "environment")
			if err := firstFailure(t, server(t, c.host, c.until)); failure.Of(err) != c.want || !strings.Contains(failure.Hint(err), c.hint) {
				t.Errorf("%v, class %v; %s", err, failure.Of(err), failure.Hint(err))
			}
		})
	}
}

// A token service that is not well may be later; one that says no has said so.
func TestATokenServiceThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   failure.Class
	}{
		"a server error":   {500, "<ErrorResponse><Error><Code>InternalFailure</Code></Error></ErrorResponse>", failure.Unreachable},
		"a page":           {200, proxyPage, failure.Unreachable},
		"a page with 403":  {403, proxyPage, failure.Unreachable},
		"nothing with 403": {403, "", failure.Unreachable},
		"half an answer":   {200, "<R><AssumeRoleWithWebIdentityResult><Credentials>", failure.Unreachable},
		"a denial":         {403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>", failure.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			keysIn(t, "nowhere")
			tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer tokens.Close()
			token := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/web")
			t.Setenv("AWS_ENDPOINT_URL_STS", tokens.URL)
			if err := firstFailure(t, tokens.URL); failure.Of(err) != c.want || c.want == failure.Denied && !strings.Contains(err.Error(), "AWS_WEB_IDENTITY_TOKEN_FILE") {
				t.Errorf("%v, class %v", err, failure.Of(err))
			}
		})
	}
}

func TestAProxyThatRefusesIsASetting(t *testing.T) {
	for _, c := range []struct {
		status   int
		endpoint string
		variable string
		want     failure.Class
	}{
		{407, "https://api.example", "HTTPS_PROXY", failure.Setup},
		{403, "https://api.example", "https_proxy", failure.Setup},
		{405, "https://api.example", "HTTPS_PROXY", failure.Setup},
		{407, "http://api.example", "HTTP_PROXY", failure.Setup},
		{503, "https://api.example", "HTTPS_PROXY", failure.Unreachable}, // it may be well later
		{504, "https://api.example", "HTTPS_PROXY", failure.Unreachable},
		{408, "https://api.example", "HTTPS_PROXY", failure.Unreachable},
		{429, "https://api.example", "HTTPS_PROXY", failure.Unreachable},
	} {
		keysIn(t, "environment")
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.status) }))
		t.Setenv(c.variable, proxy.URL)
		ctx, cancel := context.WithCancelCause(t.Context())
		s, err := Load(ctx, Options{Region: "eu-west-1", Endpoint: c.endpoint, Rand: func() float64 { cancel(context.DeadlineExceeded); return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		err = describe(ctx, s)
		if failure.Of(err) != c.want || !strings.Contains(failure.Hint(err), c.variable) {
			t.Errorf("%d for %s: %v, class %v; %s", c.status, c.endpoint, err, failure.Of(err), failure.Hint(err))
		}
		cancel(nil)
		proxy.Close()
		t.Setenv(c.variable, "")
	}
}

// otherAuthority is a certificate authority that signed nothing, valid for a hundred years.
const otherAuthority = `-----BEGIN CERTIFICATE-----
MIIBlzCCATygAwIBAgIRAPEA7rT01rKnUJ8VgumT5e0wCgYIKoZIzj0EAwIwEjEQ
MA4GA1UEChMHQWNtZSBDbzAgFw0yNjExMjYwNzU0NTVaGA8yMTI2MTEwMjA3NTQ1
NVowEjEQMA4GA1UEChMHQWNtZSBDbzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BJJIRFdXZ1LSwrmimoyt7eHx1cdmpR1kkhiNuKFq2o4wRCBisl/O+pEHCesheRNZ
vyPnESpe4mMqvxoe/RemgrejcTBvMA4GA1UdDwEB/wQEAwIChDATBgNVHSUEDDAK
BggrBgEFBQcDATAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRqPhHPOVeykVA7
kjEnR8Mnxc1GZTAYBgNVHREEETAPgg1vdGhlci5leGFtcGxlMAoGCCqGSM49BAMC
A0kAMEYCIQDBqM+d2z6lF8NG1u220zv0FkJZodN1sUIUPkh04g9oDgIhALx4HPu8
OSl6bHML/KF8z9RfWXi+1xHBUENEmhcW4omH
-----END CERTIFICATE-----
`
