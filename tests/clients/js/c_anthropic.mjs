// @anthropic-ai/sdk, against /v1/messages; see driver.mjs.
import Anthropic from '@anthropic-ai/sdk';
import { cfg, Skip, emit, add, check, now, main, picture, spread, whole, raises, leftUpstream } from './driver.mjs';

const make = (more = {}) =>
	new Anthropic({ baseURL: cfg.root, apiKey: cfg.key, defaultHeaders: cfg.headers, timeout: 90000, ...more });
const c = make();
const messages = [{ role: 'user', content: 'hello' }];
const tools = [
	{ name: 'weather', description: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
];
const ask = (model = cfg.model, client = c, more = {}) => client.messages.create({ model, max_tokens: 99, messages, ...more });

async function runStream(model = cfg.model, client = c) {
	let text = '';
	const times = [],
		kinds = [];
	for await (const e of await ask(model, client, { stream: true })) {
		kinds.push(e.type);
		if (e.type === 'content_block_delta') {
			text += e.delta.text;
			times.push(now());
		}
	}
	return { text, times, kinds };
}

add('models', async () => {
	const ids = [];
	for await (const m of c.models.list()) ids.push(m.id);
	check(ids.includes(cfg.model), `${cfg.model} is not in ${ids.slice(0, 5)}`);
});
add('messages', async () => {
	const r = await ask();
	whole(r.content[0].text);
	check(r.usage.output_tokens > 0, 'no usage');
	return 'request id ' + r._request_id;
});
add('messages-stream', async () => {
	const { text, times, kinds } = await runStream();
	whole(text);
	check(kinds[0] === 'message_start' && kinds.at(-1) === 'message_stop', `events ${kinds[0]} … ${kinds.at(-1)}`);
	return spread(times);
});
add('stream-helper', async () => {
	const m = await c.messages.stream({ model: cfg.model, max_tokens: 99, messages }).finalMessage();
	whole(m.content[0].text);
	check(m.stop_reason === 'end_turn', `stop_reason ${m.stop_reason}`);
});
add('bearer', async () => {
	if (cfg.auth === 'basic') throw new Skip('only Basic here');
	whole((await ask(cfg.model, make({ apiKey: null, authToken: cfg.key }))).content[0].text);
});
add('tools', async () => {
	const r = await ask(cfg.model, c, { tools });
	const use = r.content.find((b) => b.type === 'tool_use');
	check(use.input.city, 'no input');
	const r2 = await ask(cfg.model, c, {
		tools,
		messages: [
			...messages,
			{ role: 'assistant', content: r.content },
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'sunny' }] },
		],
	});
	if (cfg.fake) check(/sunny/.test(r2.content[0].text), r2.content[0].text);
});
add('vision-3mb', async () => {
	const p = picture();
	const r = await ask(cfg.model, c, {
		messages: [
			{
				role: 'user',
				content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: p.raw.toString('base64') } }],
			},
		],
	});
	if (cfg.fake) check(r.content[0].text === p.said, r.content[0].text.slice(0, 80));
});
add('count-tokens', async () =>
	check((await c.messages.countTokens({ model: cfg.model, messages })).input_tokens > 0, 'no count'),
);
add('wrong-key', async () => {
	const e = await raises(Anthropic.AuthenticationError, () =>
		ask(cfg.model, make({ apiKey: 'sk-wrong', defaultHeaders: cfg.wrong_headers })),
	);
	check(e.error?.error?.message, `the body is not Anthropic's error JSON: ${e.message.slice(0, 80)}`);
	return e.error.error.type;
});
add('unknown-model', async () => {
	const e = await raises(Anthropic.NotFoundError, () => ask('no-such-model'));
	check(e.error?.error?.type === 'not_found_error', e.message.slice(0, 80));
});
add('413', async () => {
	if (!cfg.max_body) throw new Skip('no --max-body');
	const e = await raises(Anthropic.APIError, () =>
		ask(cfg.model, c, { messages: [{ role: 'user', content: 'x'.repeat(cfg.max_body + 1000) }] }),
	);
	check(e.status === 413 && e.error, `status ${e.status}: ${e.message.slice(0, 80)}`);
});
add(
	'429-retry',
	async () => {
		const start = now();
		whole((await ask('err-429-once-ajs' + cfg.nonce)).content[0].text);
		const took = now() - start;
		check(took >= 1.9, `Retry-After: 2 but it took ${took.toFixed(2)} s`);
		return `retried after ${took.toFixed(2)} s`;
	},
	{ fake: true },
);
add(
	'429-error',
	async () => {
		const e = await raises(Anthropic.RateLimitError, () => ask('err-429', make({ maxRetries: 0 })));
		check(e.error?.error?.type === 'rate_limit_error', e.message.slice(0, 80));
	},
	{ fake: true },
);
add(
	'error-mid-stream',
	async () => {
		const e = await raises(Anthropic.APIError, () => runStream('err-mid-stream'));
		return `${e.constructor.name}: ${e.message}`.slice(0, 150);
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
		const model = 'hang-ajs' + cfg.nonce;
		for await (const e of await ask(model, c, { stream: true })) if (e.type === 'content_block_delta') break;
		return leftUpstream(model);
	},
	{ fake: true },
);
add('silence', async () => whole((await runStream(`slow-${cfg.slow}s`)).text), { slow: true, fake: true });
add(
	'silence-pings',
	async () => {
		whole((await runStream(`ping-${cfg.slow}s`)).text);
		whole((await runStream('ping1-2s')).text);
	},
	{ slow: true, fake: true },
);
add('keep-alive', async () => {
	const k = make({ baseURL: cfg.relay.replace(/\/v1$/, '') });
	for (let i = 0; i < 4; i++) await ask(cfg.model, k);
	await runStream(cfg.model, k);
	await ask(cfg.model, k);
	emit({ relay: 3 });
	return '6 requests';
});

await main();
