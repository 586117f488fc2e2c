// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"tercet/sdk/proto/modulepb"
)

// startLimit is how long a process may take to start and to load.
const startLimit = 10 * time.Second

// wire has go-plugin know what is spoken.
type wire struct {
	goplugin.NetRPCUnsupportedPlugin
}

// GRPCServer is for the other side.
func (wire) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the server's side")
}

// GRPCClient returns a modulepb.ModuleClient.
func (wire) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return modulepb.NewModuleClient(conn), nil
}

// start starts a process and has it load. The session that it returns takes
// events.
func (p *plugin) start(ctx context.Context) (*session, *modulepb.Loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	p.output.begin()
	c := newChild(p.Command, p.dir, p.output)
	client, err := p.client(c)
	if err != nil {
		return nil, nil, err
	}
	s, loaded, err := p.connect(ctx, client, c)
	if err != nil {
		err = explain(ctx, c, err)
		c.kill()
		client.Kill()               // it has read what the process had to say
		_ = os.RemoveAll(c.sockets) // which it leaves if there was no process
		if last := p.output.lastLine(); last != "" {
			err = fmt.Errorf("%w; it said: %s", err, last)
		}
		return nil, nil, err
	}
	s.stop = client.Kill
	return s, loaded, nil
}

// client is go-plugin's side of a child.
func (p *plugin) client(c *child) (*goplugin.Client, error) {
	certificate, config, err := credentials()
	if err != nil {
		return nil, err
	}
	return goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: modulepb.Version, MagicCookieKey: modulepb.CookieKey, MagicCookieValue: modulepb.CookieValue,
		},
		Plugins: goplugin.PluginSet{modulepb.PluginName: wire{}},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, sockets string) (runner.Runner, error) {
			c.sockets = sockets
			c.cmd.Env = append(p.environment(), spec.Env...)
			c.cmd.Env = append(c.cmd.Env, "PLUGIN_CLIENT_CERT="+string(certificate))
			return c, nil
		},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        config,
		SkipHostEnv:      true,
		StartTimeout:     2 * startLimit, // connect looks after it
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: p.sockets},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
		Stderr:           p.output,
		SyncStdout:       streamed{p.output},
		SyncStderr:       streamed{p.output},
	}), nil
}

// environment is what a process gets of it: nothing of ours.
func (p *plugin) environment() []string {
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + p.dir}
	for name, value := range p.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// connect starts the child, opens its stream, and has it load.
func (p *plugin) connect(ctx context.Context, client *goplugin.Client, c *child) (*session, *modulepb.Loaded, error) {
	inTime := context.AfterFunc(ctx, c.kill) // nothing of go-plugin waits on without a process
	defer inTime()
	protocol, err := client.Client()
	if err != nil {
		return nil, nil, err
	}
	raw, err := protocol.Dispense(modulepb.PluginName)
	if err != nil {
		return nil, nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stream, err := raw.(modulepb.ModuleClient).Session(life, grpc.MaxCallRecvMsgSize(maxMessage)) //nolint:forcetypeassert // wire makes it
	if err != nil {
		cancel()
		return nil, nil, err
	}
	s := newSession(p, c, stream, cancel)
	loaded, err := s.load(ctx)
	if err == nil && !inTime() {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.fail(err)
		return nil, nil, err
	}
	s.run()
	return s, loaded, nil
}

// load tells the plugin where it is, and returns what it attaches.
func (s *session) load(ctx context.Context) (*modulepb.Loaded, error) {
	p := s.plugin
	err := s.stream.Send(&modulepb.FromServer{Welcome: &modulepb.Welcome{
		Protocol: modulepb.Version, Version: p.scope.Env.Version, Host: p.scope.Host.Name, Name: p.scope.Name(),
		Options: p.told, LimitMs: uint32(p.Limit.Milliseconds()), Window: uint32(p.Window), //nolint:gosec // bounded by the config
	}})
	for {
		m, failed := s.stream.Recv() // it says, too, why Send has failed
		switch {
		case failed != nil:
			return nil, failed
		case err != nil:
			return nil, err
		case len(m.Answers) > 0:
			return nil, errors.New("it answers before it has loaded")
		}
		p.output.hear(m.Lines)
		for _, r := range m.Requests {
			if err == nil {
				err = s.stream.Send(&modulepb.FromServer{Results: []*modulepb.Result{p.do(ctx, r)}})
			}
		}
		if m.Loaded == nil {
			continue
		}
		if m.Loaded.Error != "" {
			return nil, fmt.Errorf("it does not load: %s", cut(m.Loaded.Error))
		}
		return m.Loaded, nil
	}
}

// explain says why a start has failed, in an admin's words.
func explain(ctx context.Context, c *child, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	said, unknown := strings.CutPrefix(text, "Unrecognized remote plugin message:")
	said = strings.TrimSpace(said)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		text = fmt.Sprintf("it was not ready within %v", startLimit)
	case ctx.Err() != nil:
		return ctx.Err()
	case unknown && said == "":
		text = "it was not ready when it closed its standard output"
		if state := c.soonEnded(); state != "" {
			text = state
		}
	case unknown:
		text = fmt.Sprintf("it is no plugin: it printed %.100q", cut(said))
	}
	return errors.New(text)
}

// credentials are those of AutoMTLS, made for one process: the certificate that
// it shall expect, and our side. go-plugin itself would take a key on P-521,
// which BoringSSL does not take, and most of gRPC is built with that.
func credentials() ([]byte, *tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.AddDate(30, 0, 0),
		IsCA:         true,

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      x509.NewCertPool(), // the process says which, and until then none
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
	}, nil
}
