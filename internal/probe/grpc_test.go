package probe

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// app is a service that answers each method with the status it is named after.
var app = grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(s)
	switch method {
	case "/app.Health/Down":
		return status.Error(codes.Unavailable, "secret")
	case "/app.Health/Custom":
		return status.Error(99, "ours")
	case "/app.Health/Up":
		return nil
	}
	return status.Error(codes.Unimplemented, "unknown")
})

// serve runs a real gRPC server with the health service and app.
func serve(t *testing.T, opts ...grpc.ServerOption) (net.Addr, *health.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, h := grpc.NewServer(append(opts, app)...), health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr(), h
}

func TestGRPC(t *testing.T) {
	const standard = "/grpc.health.v1.Health/Check"
	certs := httptest.NewTLSServer(http.NotFoundHandler())
	defer certs.Close()
	clear, _ := serve(t)
	secure, _ := serve(t, grpc.Creds(credentials.NewServerTLSFromCert(&certs.TLS.Certificates[0])))
	down, h := serve(t)
	h.Shutdown()
	for name, c := range map[string]struct {
		at    net.Addr
		check Check
		want  string
	}{
		"AWS's defaults":           {clear, Check{Protocol: "GRPC"}, ""},
		"standard health service":  {clear, Check{Protocol: "GRPC", Path: standard, Matcher: "0"}, ""},
		"its NOT_SERVING passes":   {down, Check{Protocol: "GRPC", Path: standard, Matcher: "0"}, ""},
		"over TLS":                 {secure, Check{Protocol: "GRPCS", Path: standard, Matcher: "0"}, ""},
		"no message":               {clear, Check{Protocol: "GRPC", Path: "/app.Health/Up", Matcher: "0"}, ""},
		"status alone":             {clear, Check{Protocol: "GRPC", Path: "/app.Health/Custom", Matcher: "0,90-99"}, ""},
		"any":                      {clear, Check{Protocol: "GRPC", Path: "/app.Health/Down", Matcher: "0-99"}, ""},
		"not the default":          {clear, Check{Protocol: "GRPC", Path: standard}, "gRPC status 0"},
		"another status":           {clear, Check{Protocol: "GRPC", Path: "/app.Health/Down", Matcher: "0"}, "gRPC status 14"},
		"not implemented":          {clear, Check{Protocol: "GRPC", Path: "/app.Health/None", Matcher: "0-11,13-99"}, "gRPC status 12"},
		"TLS where there is none":  {clear, Check{Protocol: "GRPCS"}, "tls: first record does not look like a TLS handshake"},
		"clear where there is TLS": {secure, Check{Protocol: "GRPC"}, errNoHTTP2.Error()},
	} {
		t.Run(name, func(t *testing.T) { answers(t, loopback(t, c.at, c.check), c.want) })
	}
}
