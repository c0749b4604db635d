// openai-node; see driver.mjs.
import OpenAI, { toFile } from 'openai';
import {
	cfg,
	Skip,
	emit,
	add,
	check,
	now,
	main,
	picture,
	sound,
	spread,
	whole,
	raises,
	askedOnce,
	leftUpstream,
} from './driver.mjs';

const make = (more = {}) =>
	new OpenAI({ baseURL: cfg.base, apiKey: cfg.key, defaultHeaders: cfg.headers, timeout: 90000, ...more });
const c = make();
const messages = [{ role: 'user', content: 'hello' }];
const tools = [
	{
		type: 'function',
		function: {
			name: 'weather',
			description: 'weather',
			parameters: { type: 'object', properties: { city: { type: 'string' } } },
		},
	},
];
const chat = (model = cfg.model, client = c, more = {}) => client.chat.completions.create({ model, messages, ...more });

async function runStream(model = cfg.model, client = c, more = {}) {
	let text = '',
		last;
	const times = [];
	for await (const chunk of await chat(model, client, { stream: true, ...more })) {
		const word = chunk.choices?.[0]?.delta?.content;
		if (word) {
			text += word;
			times.push(now());
		}
		last = chunk;
	}
	return { text, times, last };
}

add('models', async () => {
	const ids = [];
	for await (const m of c.models.list()) ids.push(m.id);
	check(ids.includes(cfg.model), `${cfg.model} is not in ${ids.slice(0, 5)}`);
});
add('chat', async () => {
	const r = await chat();
	whole(r.choices[0].message.content);
	check(r._request_id, 'no x-request-id');
	return 'request id ' + r._request_id;
});
add('chat-parallel', async () => {
	for (const r of await Promise.all(Array.from({ length: 8 }, () => chat()))) whole(r.choices[0].message.content);
	return '8 at once';
});
add('stream', async () => {
	const { text, times, last } = await runStream();
	whole(text);
	check(last.choices[0].finish_reason === 'stop', 'the last chunk has no finish_reason');
	return spread(times);
});
add('stream-done', async () => {
	let raw = '';
	const tape = async (url, init) => {
		const r = await fetch(url, init);
		const read = new TextDecoder();
		return new Response(
			r.body.pipeThrough(
				new TransformStream({
					transform(part, out) {
						raw += read.decode(part, { stream: true });
						out.enqueue(part);
					},
				}),
			),
			r,
		);
	};
	whole((await runStream(cfg.model, make({ fetch: tape }))).text);
	check(raw.trimEnd().endsWith('data: [DONE]'), `body ends with ${JSON.stringify(raw.slice(-60))}`);
	return '[DONE] seen on the wire';
});
add('usage-on', async () => {
	const { last } = await runStream(cfg.model, c, { stream_options: { include_usage: true } });
	check(last.choices.length === 0 && last.usage?.completion_tokens > 0, 'no usage chunk at the end');
});
add('usage-off', async () => {
	for await (const chunk of await chat(cfg.model, c, { stream: true })) {
		check(chunk.choices.length, 'a chunk without choices that nobody asked for');
		check(!chunk.usage, 'usage that nobody asked for');
	}
});
add('embeddings', async () => {
	const r = await c.embeddings.create({ model: cfg.embed_model, input: ['a', 'b'] });
	check(r.data.length === 2 && typeof r.data[0].embedding[0] === 'number', 'no vectors');
	return `${r.data[0].embedding.length} numbers`;
});
add('completions', async () => {
	whole((await c.completions.create({ model: cfg.model, prompt: 'hello' })).choices[0].text);
	let text = '';
	for await (const x of await c.completions.create({ model: cfg.model, prompt: 'hello', stream: true }))
		text += x.choices[0].text;
	whole(text);
});
add('responses', async () => whole((await c.responses.create({ model: cfg.model, input: 'hello' })).output_text));
add('responses-stream', async () => {
	let text = '';
	const times = [],
		kinds = [];
	for await (const e of await c.responses.create({ model: cfg.model, input: 'hello', stream: true })) {
		kinds.push(e.type);
		if (e.type === 'response.output_text.delta') {
			text += e.delta;
			times.push(now());
		}
	}
	whole(text);
	check(kinds[0] === 'response.created' && kinds.at(-1) === 'response.completed', `events ${kinds[0]} … ${kinds.at(-1)}`);
	return spread(times);
});
add('tools', async () => {
	const r = await chat(cfg.model, c, { tools });
	const call = r.choices[0].message.tool_calls[0];
	check(JSON.parse(call.function.arguments).city, 'no argument');
	const r2 = await chat(cfg.model, c, {
		tools,
		messages: [...messages, r.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }],
	});
	if (cfg.fake) check(r2.choices[0].message.content === 'tool said sunny', r2.choices[0].message.content);
});
add('tools-stream', async () => {
	let args = '';
	for await (const chunk of await chat(cfg.model, c, { tools, stream: true }))
		for (const t of chunk.choices[0]?.delta.tool_calls ?? []) args += t.function.arguments ?? '';
	check(JSON.parse(args).city, `arguments ${args}`);
});
add('vision-3mb', async () => {
	const p = picture();
	const r = await chat(cfg.model, c, {
		messages: [
			{
				role: 'user',
				content: [
					{ type: 'text', text: 'what?' },
					{ type: 'image_url', image_url: { url: p.uri } },
				],
			},
		],
	});
	if (cfg.fake)
		check(r.choices[0].message.content === p.said, 'the image changed on its way: ' + r.choices[0].message.content.slice(0, 80));
});
add('audio', async () => {
	if (!cfg.audio_model) throw new Skip('no --audio-model');
	const s = sound();
	const r = await c.audio.transcriptions.create({ model: cfg.audio_model, file: await toFile(s.raw, 'a.wav') });
	if (cfg.fake) check(r.text === s.said, r.text.slice(0, 80));
});
add('wrong-key', async () => {
	const e = await raises(OpenAI.AuthenticationError, () =>
		make({ apiKey: 'sk-wrong', defaultHeaders: cfg.wrong_headers }).models.list(),
	);
	check(e.error?.message, `the body is not OpenAI's error JSON: ${e.message.slice(0, 80)}`);
	return `code=${e.code} message=${e.message}`;
});
add('unknown-model', async () => {
	const e = await raises(OpenAI.NotFoundError, () => chat('no-such-model'));
	check(e.code === 'model_not_found', `code ${e.code}`);
	return e.message;
});
add('unknown-path', async () => {
	const e = await raises(OpenAI.NotFoundError, () => c.post('/no/such/path', { body: {} }));
	check(e.error?.message, `no JSON error: ${e.message.slice(0, 60)}`);
});
add('bad-json', async () => {
	const e = await raises(OpenAI.BadRequestError, () =>
		c.post('/chat/completions', {
			body: new TextEncoder().encode('{"model": "x", "messages": ['),
			headers: { 'content-type': 'application/json' },
		}),
	);
	check(e.error?.message, `no JSON error: ${e.message.slice(0, 60)}`);
});
add('413', async () => {
	if (!cfg.max_body) throw new Skip('no --max-body');
	const e = await raises(OpenAI.APIError, () =>
		chat(cfg.model, c, { messages: [{ role: 'user', content: 'x'.repeat(cfg.max_body + 1000) }] }),
	);
	check(e.status === 413, `status ${e.status}: ${e.message} ${e.cause?.cause?.code ?? e.cause?.code ?? ''}`);
	check(e.error?.message, '413 without JSON');
	return e.constructor.name;
});
add(
	'429-retry',
	async () => {
		const start = now();
		whole((await chat('err-429-once-ojs' + cfg.nonce)).choices[0].message.content);
		const took = now() - start;
		check(took >= 1.9, `Retry-After: 2 but it took ${took.toFixed(2)} s`);
		return `retried after ${took.toFixed(2)} s`;
	},
	{ fake: true },
);
add(
	'429-error',
	async () => {
		const e = await raises(OpenAI.RateLimitError, () => chat('err-429', make({ maxRetries: 0 })));
		check(
			e.code === 'rate_limit_exceeded' && e.headers.get('retry-after'),
			`code ${e.code}, retry-after ${e.headers.get('retry-after')}`,
		);
	},
	{ fake: true },
);
add(
	'429-hard',
	async () => {
		const model = 'err-429-hard-ojs' + cfg.nonce;
		const e = await raises(OpenAI.RateLimitError, () => chat(model));
		await askedOnce(model);
		return e.code;
	},
	{ fake: true },
);
add('429-gateway', async () => {
	if (!cfg.spent_key) throw new Skip('no --spent-key');
	const e = await raises(OpenAI.RateLimitError, () =>
		make({ apiKey: cfg.spent_key, defaultHeaders: {}, maxRetries: 0 }).models.list(),
	);
	check(e.code === 'rate_limit_exceeded' && Number(e.headers.get('retry-after')) >= 1, `code ${e.code}`);
	check(e.requestID, 'no request id');
});
add('502', async () => {
	if (!cfg.dead_model) throw new Skip('no --dead-model');
	const e = await raises(OpenAI.InternalServerError, () => chat(cfg.dead_model, make({ maxRetries: 0 })));
	check(e.status === 502 && e.code === 'upstream_error', `${e.status} ${e.code}`);
});
add(
	'error-in-200',
	async () => {
		const e = await raises(OpenAI.NotFoundError, () => chat('err-200'));
		check(/endpoint/.test(e.error?.message), e.message);
		await raises(OpenAI.NotFoundError, () => runStream('err-200'));
	},
	{ fake: true },
);
add(
	'500',
	async () => {
		await raises(OpenAI.InternalServerError, () => chat('err-500-before', make({ maxRetries: 0 })));
	},
	{ fake: true },
);
add(
	'error-mid-stream',
	async () => {
		const e = await raises(OpenAI.APIError, () => runStream('err-mid-stream'));
		check(/fell over/.test(e.message), e.message);
		return `${e.constructor.name}: ${e.message}`;
	},
	{ fake: true },
);
add(
	'cut-mid-stream',
	async () => {
		let text;
		try {
			text = (await runStream('cut-mid-stream')).text;
		} catch (e) {
			return `raises ${e.constructor.name}: ${e.message} (${e.cause?.code ?? e.cause?.message ?? ''})`;
		}
		throw new Error(`a cut stream looks whole: ${text}`);
	},
	{ fake: true },
);
add('comment-mid', async () => whole((await runStream('comment-mid')).text), { fake: true });
add(
	'abort',
	async () => {
		const model = 'hang-ojs' + cfg.nonce;
		for await (const chunk of await chat(model, c, { stream: true })) if (chunk.choices[0].delta.content) break;
		const note = await leftUpstream(model);
		const stop = new AbortController();
		setTimeout(() => stop.abort(), 200);
		await raises(OpenAI.APIUserAbortError, () =>
			c.chat.completions.create({ model: 'late-60s', messages }, { signal: stop.signal }),
		);
		whole((await chat()).choices[0].message.content);
		return note;
	},
	{ fake: true },
);
add('silence', async () => whole((await runStream(`slow-${cfg.slow}s`)).text), { slow: true, fake: true });
add('silence-head', async () => whole((await runStream(`late-${cfg.slow}s`)).text), { slow: true, fake: true });
add(
	'silence-pings',
	async () => {
		whole((await runStream(`ping-${cfg.slow}s`)).text);
		whole((await runStream('ping1-2s')).text);
	},
	{ slow: true, fake: true },
);
add('keep-alive', async () => {
	const k = make({ baseURL: cfg.relay });
	for (let i = 0; i < 4; i++) await chat(cfg.model, k);
	await runStream(cfg.model, k);
	await k.models.list();
	emit({ relay: 3 });
	return '6 requests';
});

await main();
