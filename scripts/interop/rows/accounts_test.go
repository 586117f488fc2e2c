// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"strings"

	"tercet/core/coretest"
	"tercet/core/golden"
)

// split cuts the name of a client's account.
func split(name string) (account, host string) {
	account, host, ok := strings.Cut(name, "@")
	if !ok {
		host = domain
	}
	return account, host
}

// addUser makes an account, once.
func (s *server) addUser(name string) error {
	account, host := split(name)
	jid := account + "@" + host
	if s.users[jid] {
		return nil
	}
	s.users[jid] = true
	return s.kind.addUser(s, account, host, coretest.Password(account))
}

// addUsers makes the accounts of a play, so that no module of it learns of
// that. A kind that makes accounts only while it runs does so without them.
func (s *server) addUsers(names []string) error {
	if s.kind.asks {
		config := ""
		for _, name := range names {
			if _, host := split(name); !strings.Contains(config, `"`+host+`"`) {
				config += fmt.Sprintf("VirtualHost %q\n", host)
			}
		}
		if config == "" {
			return nil
		}
		if err := s.write(play{config: config}); err != nil {
			return err
		}
		if err := s.start(); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := s.addUser(name); err != nil {
			return err
		}
	}
	if s.kind.asks {
		return s.stop()
	}
	return nil
}

// Login opens a session. The account is there; "!" before a name says that the
// row has made it.
func (s *server) Login(name, resource string) (*golden.Stream, error) {
	account, host := split(strings.TrimPrefix(name, "!"))
	conn, err := s.Dial()
	if err != nil {
		return nil, err
	}
	c := golden.NewStream(conn, host)
	c.JID = account + "@" + host + "/" + resource
	if _, err = c.Plain(account, coretest.Password(account)); err == nil {
		err = c.Bind(resource)
	}
	if err != nil {
		_ = conn.Close() // it is of no use
		return nil, err
	}
	return c, nil
}
