// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"encoding/json"

	"tercet/modules/guest"
	"tercet/sdk/proto/modulepb"
)

// serve deals with the requests of a process, one after the other.
func (s *session) serve() {
	for {
		select {
		case r := <-s.requests:
			s.answer(s.plugin.do(s.stream.Context(), r))
		case <-s.over:
			return
		}
	}
}

// do deals with one request.
func (p *plugin) do(ctx context.Context, r *modulepb.Request) *modulepb.Result {
	out := &modulepb.Result{Id: r.Id}
	switch {
	case p.store == nil:
		out.Code = modulepb.Code_DENIED
		return out
	case len(r.Owner) > guest.MaxKey || len(r.Key) > guest.MaxKey || len(r.Value) > guest.MaxValue:
		out.Code = modulepb.Code_LARGE
		return out
	}
	var err error
	switch r.Operation {
	case modulepb.Operation_GET:
		if out.Value, err = p.store.Get(ctx, r.Owner, r.Key); err == nil && out.Value == nil {
			out.Code = modulepb.Code_NONE
		}
	case modulepb.Operation_PUT:
		err = p.store.Put(r.Owner, r.Key, r.Value)
	case modulepb.Operation_FIND:
		var keys []string
		if keys, err = p.store.Find(ctx, r.Owner, r.Key); err == nil {
			out.Value, err = json.Marshal(keys)
		}
	case modulepb.Operation_COUNT:
		out.Number, err = p.store.Count(ctx, r.Owner, r.Key, r.By)
	default:
		out.Code = modulepb.Code_MALFORMED
	}
	if err != nil {
		out.Code, out.Value = modulepb.Code_UNAVAILABLE, nil
	}
	return out
}
