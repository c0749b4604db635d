// openai-go. Not run by hand: run.py starts it with the settings as JSON in GATEHOUSE_CLIENT; one line of JSON a case.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

type settings struct {
	Base, Root, Key, User, Password, Auth, Model, Stats, Nonce, Relay string
	EmbedModel                                                        string `json:"embed_model"`
	Cases                                                             []string
	Headers                                                           map[string]string
	WrongHeaders                                                      map[string]string `json:"wrong_headers"`
	Text                                                              *string
	Fake                                                              bool
	Slow, Gap, Patience                                               float64
	MaxBody                                                           int `json:"max_body"`
}

var (
	cfg  settings
	lock sync.Mutex
)

type skip string

// buffered: all at once. A client that was held up itself sees that too, but not every time.
type buffered string

func emit(row map[string]any) {
	lock.Lock()
	defer lock.Unlock()
	json.NewEncoder(os.Stdout).Encode(row)
}

func check(truth bool, format string, args ...any) {
	if !truth {
		panic(fmt.Sprintf(format, args...))
	}
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("%T: %v", err, err))
	}
}

func whole(text string) {
	if cfg.Text != nil {
		check(text == *cfg.Text, "text differs: %q", text)
	} else {
		check(text != "", "no text")
	}
}

func client(base, key string, headers map[string]string, more ...option.RequestOption) openai.Client {
	opts := []option.RequestOption{option.WithBaseURL(base + "/"), option.WithAPIKey(key), option.WithRequestTimeout(90 * time.Second)}
	for k, v := range headers {
		opts = append(opts, option.WithHeader(k, v))
	}
	return openai.NewClient(append(opts, more...)...)
}

func params(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: openai.ChatModel(model), Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}}
}

type streamed struct {
	text  string
	times []time.Time
	last  openai.ChatCompletionChunk
}

func stream(c openai.Client, p openai.ChatCompletionNewParams) (r streamed, err error) {
	s := c.Chat.Completions.NewStreaming(context.Background(), p)
	defer s.Close()
	for s.Next() {
		r.last = s.Current()
		if len(r.last.Choices) > 0 && r.last.Choices[0].Delta.Content != "" {
			r.text += r.last.Choices[0].Delta.Content
			r.times = append(r.times, time.Now())
		}
	}
	return r, s.Err()
}

func spread(times []time.Time) string {
	check(len(times) > 1, "only %d chunks", len(times))
	total := times[len(times)-1].Sub(times[0]).Seconds()
	least := 0.001
	if cfg.Fake {
		least = cfg.Gap * float64(len(times)-2) * 0.3
	}
	said := fmt.Sprintf("%d chunks over %.0f ms", len(times), total*1e3)
	if total < least {
		panic(buffered(fmt.Sprintf("%s, all at once (expected at least %.0f ms): buffered", said, least*1e3)))
	}
	return said
}

func status(err error) (int, *openai.Error) {
	var e *openai.Error
	if errors.As(err, &e) {
		return e.StatusCode, e
	}
	panic(fmt.Sprintf("not an API error: %T %v", err, err))
}

type seen struct {
	Asked   map[string]int
	Aborted map[string]float64
}

// stats is what fake.py saw.
func stats() (s seen) {
	if cfg.Stats == "" {
		panic(skip("no --stats"))
	}
	r, err := http.Get(cfg.Stats)
	must(err)
	defer r.Body.Close()
	must(json.NewDecoder(r.Body).Decode(&s))
	return s
}

func leftUpstream(model string) string {
	start := time.Now()
	for time.Since(start).Seconds() < 10*cfg.Patience {
		if _, ok := stats().Aborted[model]; ok {
			return fmt.Sprintf("upstream free after %d ms", time.Since(start).Milliseconds())
		}
		time.Sleep(20 * time.Millisecond)
	}
	panic("the upstream works on though the client left")
}

// tape keeps the raw bytes of the last body.
type tape struct{ raw bytes.Buffer }

func (t *tape) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := http.DefaultTransport.RoundTrip(q)
	if err == nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &t.raw), r.Body}
	}
	return r, err
}

func patient(run func() string) string {
	for range 4 {
		if note, ok := try(run); ok {
			return note
		}
	}
	return run()
}

func try(run func() string) (note string, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, late := r.(buffered); !late {
				panic(r)
			}
		}
	}()
	return run(), true
}

type testCase struct {
	name       string
	slow, fake bool
	run        func() string
}

func main() {
	must(json.Unmarshal([]byte(os.Getenv("GATEHOUSE_CLIENT")), &cfg))
	ctx := context.Background()
	c := client(cfg.Base, cfg.Key, cfg.Headers)
	tool := []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "weather",
		Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}})}
	text := func(model string) string {
		r, err := c.Chat.Completions.New(ctx, params(model))
		must(err)
		return r.Choices[0].Message.Content
	}
	cases := []testCase{
		{name: "models", run: func() string {
			page, err := c.Models.List(ctx)
			must(err)
			for _, m := range page.Data {
				if m.ID == cfg.Model {
					return fmt.Sprintf("%d models", len(page.Data))
				}
			}
			panic(cfg.Model + " is not listed")
		}},
		{name: "chat", run: func() string { whole(text(cfg.Model)); return "" }},
		{name: "stream", run: func() string {
			r, err := stream(c, params(cfg.Model))
			must(err)
			whole(r.text)
			return spread(r.times)
		}},
		{name: "stream-done", run: func() string {
			t := &tape{}
			r, err := stream(client(cfg.Base, cfg.Key, cfg.Headers, option.WithHTTPClient(&http.Client{Transport: t})), params(cfg.Model))
			must(err)
			whole(r.text)
			check(strings.HasSuffix(strings.TrimSpace(t.raw.String()), "data: [DONE]"), "body does not end with [DONE]")
			return "[DONE] seen on the wire"
		}},
		{name: "usage-on", run: func() string {
			p := params(cfg.Model)
			p.StreamOptions.IncludeUsage = openai.Bool(true)
			r, err := stream(c, p)
			must(err)
			check(len(r.last.Choices) == 0 && r.last.Usage.CompletionTokens > 0, "no usage chunk at the end")
			return ""
		}},
		{name: "usage-off", run: func() string {
			r, err := stream(c, params(cfg.Model))
			must(err)
			check(len(r.last.Choices) > 0 && r.last.Usage.TotalTokens == 0, "usage that nobody asked for")
			return ""
		}},
		{name: "embeddings", run: func() string {
			r, err := c.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: cfg.EmbedModel, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}}})
			must(err)
			check(len(r.Data) == 2 && len(r.Data[0].Embedding) > 1, "no vectors")
			return ""
		}},
		{name: "tools", run: func() string {
			p := params(cfg.Model)
			p.Tools = tool
			r, err := c.Chat.Completions.New(ctx, p)
			must(err)
			call := r.Choices[0].Message.ToolCalls[0]
			check(strings.Contains(call.Function.Arguments, "city"), "arguments %q", call.Function.Arguments)
			p.Messages = append(p.Messages, r.Choices[0].Message.ToParam(), openai.ToolMessage("sunny", call.ID))
			r, err = c.Chat.Completions.New(ctx, p)
			must(err)
			check(!cfg.Fake || r.Choices[0].Message.Content == "tool said sunny", "%q", r.Choices[0].Message.Content)
			return ""
		}},
		{name: "vision-3mb", run: func() string {
			raw := bytes.Repeat([]byte("\x89PNG\r\n\x1a\n01234567"), 3<<20/16)
			p := params(cfg.Model)
			p.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{openai.ImageContentPart(
				openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + base64.StdEncoding.EncodeToString(raw)})})}
			r, err := c.Chat.Completions.New(ctx, p)
			must(err)
			want := fmt.Sprintf("image %d %x", len(raw), sha256.Sum256(raw))[:len(fmt.Sprintf("image %d ", len(raw)))+16]
			check(!cfg.Fake || r.Choices[0].Message.Content == want, "the image changed on its way: %q", r.Choices[0].Message.Content)
			return ""
		}},
		{name: "wrong-key", run: func() string {
			w := client(cfg.Base, "sk-wrong", cfg.WrongHeaders)
			_, err := w.Models.List(ctx)
			code, e := status(err)
			check(code == 401 && e.Message != "", "%d, message %q, body %.80q", code, e.Message, e.RawJSON())
			return e.Code + ": " + e.Message
		}},
		{name: "unknown-model", run: func() string {
			_, err := c.Chat.Completions.New(ctx, params("no-such-model"))
			code, e := status(err)
			check(code == 404 && e.Code == "model_not_found", "%d %q", code, e.Code)
			return e.Message
		}},
		{name: "unknown-path", run: func() string {
			err := c.Post(ctx, "no/such/path", map[string]any{}, nil)
			code, e := status(err)
			check(code == 404 && e.Message != "", "%d %q", code, e.Message)
			return ""
		}},
		{name: "413", run: func() string {
			if cfg.MaxBody == 0 {
				panic(skip("no --max-body"))
			}
			p := params(cfg.Model)
			p.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage(strings.Repeat("x", cfg.MaxBody+1000))}
			_, err := c.Chat.Completions.New(ctx, p)
			code, e := status(err)
			check(code == 413 && e.Message != "", "%d %q", code, e.Message)
			return ""
		}},
		{name: "429-retry", fake: true, run: func() string {
			start := time.Now()
			whole(text("err-429-once-ogo" + cfg.Nonce))
			took := time.Since(start).Seconds()
			check(took >= 1.9, "Retry-After: 2 but it took %.2f s", took)
			return fmt.Sprintf("retried after %.2f s", took)
		}},
		{name: "429-error", fake: true, run: func() string {
			_, err := c.Chat.Completions.New(ctx, params("err-429"))
			code, e := status(err)
			check(code == 429 && e.Code == "rate_limit_exceeded", "%d %q", code, e.Code)
			return ""
		}},
		{name: "429-hard", fake: true, run: func() string {
			model := "err-429-hard-ogo" + cfg.Nonce
			_, err := c.Chat.Completions.New(ctx, params(model))
			code, _ := status(err)
			check(code == 429 && stats().Asked[model] == 1, "%d, asked %d times", code, stats().Asked[model])
			return ""
		}},
		{name: "error-mid-stream", fake: true, run: func() string {
			_, err := stream(c, params("err-mid-stream"))
			check(err != nil, "an error in the stream is not seen")
			return fmt.Sprintf("%T: %.120v", err, err)
		}},
		{name: "cut-mid-stream", fake: true, run: func() string {
			r, err := stream(c, params("cut-mid-stream"))
			check(err != nil, "a cut stream looks whole: %q", r.text)
			return fmt.Sprintf("raises %T: %v", err, err)
		}},
		{name: "comment-mid", fake: true, run: func() string {
			r, err := stream(c, params("comment-mid"))
			must(err)
			whole(r.text)
			return ""
		}},
		{name: "abort", fake: true, run: func() string {
			model := "hang-ogo" + cfg.Nonce
			stop, cancel := context.WithCancel(ctx)
			s := c.Chat.Completions.NewStreaming(stop, params(model))
			for s.Next() {
				if s.Current().Choices[0].Delta.Content != "" {
					break
				}
			}
			cancel()
			s.Close()
			note := leftUpstream(model)
			whole(text(cfg.Model))
			return note
		}},
		{name: "silence", slow: true, fake: true, run: func() string {
			r, err := stream(c, params(fmt.Sprintf("slow-%gs", cfg.Slow)))
			must(err)
			whole(r.text)
			return ""
		}},
		{name: "silence-pings", slow: true, fake: true, run: func() string {
			for _, m := range []string{fmt.Sprintf("ping-%gs", cfg.Slow), "ping1-2s"} {
				r, err := stream(c, params(m))
				if err != nil {
					panic(fmt.Sprintf("%s: %T: %v", m, err, err))
				}
				whole(r.text)
			}
			return ""
		}},
		{name: "keep-alive", run: func() string {
			k := client(cfg.Relay, cfg.Key, cfg.Headers, option.WithHTTPClient(&http.Client{Transport: &http.Transport{}}))
			for i := 0; i < 4; i++ {
				_, err := k.Chat.Completions.New(ctx, params(cfg.Model))
				must(err)
			}
			_, err := stream(k, params(cfg.Model))
			must(err)
			_, err = k.Models.List(ctx)
			must(err)
			emit(map[string]any{"relay": 2})
			return "6 requests"
		}},
	}

	one := func(t testCase) {
		state, note := "ok", ""
		func() {
			defer func() {
				if r := recover(); r != nil {
					if s, ok := r.(skip); ok {
						state, note = "skip", string(s)
					} else {
						state, note = "FAIL", fmt.Sprint(r)
					}
				}
			}()
			if t.fake && !cfg.Fake {
				panic(skip("needs fake.py's faults"))
			}
			note = patient(t.run)
		}()
		note = strings.Join(strings.Fields(note), " ")
		if len(note) > 180 {
			note = note[:180]
		}
		emit(map[string]any{"case": t.name, "status": state, "note": note})
	}
	var chosen []testCase
	names := []string{}
	for _, t := range cases {
		if len(cfg.Cases) == 0 || slices.Contains(cfg.Cases, t.name) {
			chosen = append(chosen, t)
			names = append(names, t.name)
		}
	}
	emit(map[string]any{"plan": names})
	var wait sync.WaitGroup
	for _, t := range chosen {
		if t.slow {
			wait.Add(1)
			go func() { defer wait.Done(); one(t) }()
		}
	}
	for _, t := range chosen {
		if !t.slow {
			one(t)
		}
	}
	wait.Wait()
}
