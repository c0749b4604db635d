// The Vercel AI SDK (ai with @ai-sdk/openai-compatible); see driver.mjs.
import { generateText, streamText, embedMany, tool, jsonSchema } from 'ai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { cfg, Skip, emit, add, check, now, main, picture, spread, whole, leftUpstream } from './driver.mjs';

const make = (more = {}) =>
	createOpenAICompatible({ name: 'gate', baseURL: cfg.base, apiKey: cfg.key, headers: cfg.headers, includeUsage: true, ...more });
const c = make();
const ask = (model = cfg.model, more = {}, client = c) =>
	generateText({ model: client.chatModel(model), prompt: 'hello', ...more });

async function runStream(model = cfg.model, more = {}, client = c) {
	let text = '',
		failed = null;
	const times = [];
	const r = streamText({
		model: client.chatModel(model),
		prompt: 'hello',
		onError: ({ error }) => {
			failed = error;
		},
		...more,
	});
	for await (const word of r.textStream) {
		text += word;
		times.push(now());
	}
	if (failed) throw failed;
	return { text, times, r };
}
// The SDK wraps what was thrown: find the first with a status.
const status = (e) => e?.statusCode ?? (e?.lastError ? status(e.lastError) : e?.cause ? status(e.cause) : undefined);
async function fails(fn) {
	try {
		await fn();
	} catch (e) {
		return e;
	}
	throw new Error('no error');
}

add('chat', async () => {
	const r = await ask();
	whole(r.text);
	check(r.usage.outputTokens > 0, 'no usage');
});
add('stream', async () => {
	const { text, times, r } = await runStream();
	whole(text);
	check((await r.finishReason) === 'stop', `finishReason ${await r.finishReason}`);
	check((await r.usage).outputTokens > 0, 'no usage in the stream');
	return spread(times);
});
add('embeddings', async () => {
	const r = await embedMany({
		model: c.textEmbeddingModel ? c.textEmbeddingModel(cfg.embed_model) : c.embeddingModel(cfg.embed_model),
		values: ['a', 'b'],
	});
	check(r.embeddings.length === 2 && typeof r.embeddings[0][0] === 'number', 'no vectors');
});
add('tools', async () => {
	const r = await ask(cfg.model, {
		tools: {
			weather: tool({ description: 'w', inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } } }) }),
		},
	});
	check(r.toolCalls[0].input.city, 'no input');
});
add('vision-3mb', async () => {
	const p = picture();
	const r = await ask(cfg.model, {
		prompt: undefined,
		messages: [
			{
				role: 'user',
				content: [
					{ type: 'text', text: 'what?' },
					{ type: 'image', image: p.raw, mediaType: 'image/png' },
				],
			},
		],
	});
	if (cfg.fake) check(r.text === p.said, r.text.slice(0, 80));
});
add('wrong-key', async () => {
	const e = await fails(() => ask(cfg.model, {}, make({ apiKey: 'sk-wrong', headers: cfg.wrong_headers })));
	check(status(e) === 401, `${status(e)} ${e.message}`);
	check(e.data?.error?.message, `the body is not OpenAI's error JSON: ${e.message.slice(0, 80)}`);
	return `${e.name}: ${e.message}`;
});
add('unknown-model', async () => {
	const e = await fails(() => ask('no-such-model'));
	check(status(e) === 404 && e.data?.error?.message, `${status(e)} ${e.message}`);
	return e.message;
});
add('413', async () => {
	if (!cfg.max_body) throw new Skip('no --max-body');
	const e = await fails(() => ask(cfg.model, { prompt: 'x'.repeat(cfg.max_body + 1000) }));
	check(status(e) === 413, `${status(e)} ${e.message}`);
});
add(
	'429-retry',
	async () => {
		const start = now();
		whole((await ask('err-429-once-vai' + cfg.nonce)).text);
		const took = now() - start;
		check(took >= 1.9, `Retry-After: 2 but it took ${took.toFixed(2)} s`);
		return `retried after ${took.toFixed(2)} s`;
	},
	{ fake: true },
);
add(
	'429-error',
	async () => {
		const e = await fails(() => ask('err-429', { maxRetries: 0 }));
		check(status(e) === 429, `${status(e)} ${e.message}`);
	},
	{ fake: true },
);
add(
	'error-mid-stream',
	async () => {
		const e = await fails(() => runStream('err-mid-stream'));
		return `${e.constructor?.name}: ${e.message ?? JSON.stringify(e)}`.slice(0, 150);
	},
	{ fake: true },
);
add(
	'cut-mid-stream',
	async () => {
		const e = await fails(() => runStream('cut-mid-stream'));
		return `raises ${e.constructor?.name}: ${e.message} (${e.cause?.code ?? ''})`;
	},
	{ fake: true },
);
add('comment-mid', async () => whole((await runStream('comment-mid')).text), { fake: true });
add(
	'abort',
	async () => {
		const model = 'hang-vai' + cfg.nonce;
		const stop = new AbortController();
		const r = streamText({ model: c.chatModel(model), prompt: 'hello', abortSignal: stop.signal, onError: () => {} });
		for await (const _ of r.textStream) {
			stop.abort();
			break;
		}
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
	const k = make({ baseURL: cfg.relay });
	for (let i = 0; i < 4; i++) await ask(cfg.model, {}, k);
	await runStream(cfg.model, {}, k);
	await ask(cfg.model, {}, k);
	emit({ relay: 3 });
	return '6 requests';
});

await main();
