// The chat page of the demo. Everything that comes from outside is put in as text, never as HTML.
'use strict';

const byId = (id) => document.getElementById(id);
const log = byId('log');
const keyField = byId('key');
const question = byId('question');
const sendButton = byId('send');
const stopButton = byId('stop');

const conversation = [];
let running = null; // the AbortController of the answer that streams

// ---- the key ----

const KEY = 'gatehouse-demo-key';

function storedKey() {
	try {
		return sessionStorage.getItem(KEY) || '';
	} catch {
		return ''; // storage may be switched off; then the key lives in its field
	}
}

function useKey(key, note) {
	keyField.value = key;
	byId('key-note').textContent = note;
	try {
		if (key)
			sessionStorage.setItem(KEY, key);
		else
			sessionStorage.removeItem(KEY);
	} catch {
		// see storedKey()
	}
}

// The printed link ends in #key=…: a fragment is never sent to a server. Take the key, and take
// it out of the address bar and the history too.
function takeKeyFromAddress() {
	const found = /^#key=([^&]+)/.exec(location.hash);
	if (!found)
		return false;
	history.replaceState(null, '', location.pathname + location.search);
	try {
		useKey(decodeURIComponent(found[1]), 'Taken from the link. Kept until this tab closes.');
	} catch {
		return false; // a broken escape is no key
	}
	return true;
}

byId('key-form').addEventListener('submit', (event) => {
	event.preventDefault();
	useKey(keyField.value.trim(), keyField.value.trim() ? 'Kept until this tab closes.' : 'No key.');
	question.focus();
});

// ---- the conversation ----

function make(tag, className, text) {
	const node = document.createElement(tag);
	if (className)
		node.className = className;
	if (text !== undefined)
		node.textContent = text;
	return node;
}

// Follow the answer only if its reader has not scrolled up.
function follow(change) {
	const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
	change();
	if (atEnd)
		log.scrollTop = log.scrollHeight;
}

function show(item) {
	follow(() => log.append(item));
	return item;
}

function showMessage(who, className, text) {
	const item = make('li', className);
	const words = document.createTextNode(text);
	const paragraph = make('p');
	paragraph.append(words);
	item.append(make('span', 'who', who), paragraph);
	show(item);
	return { item, words };
}

function showError(title, message, detail) {
	const item = make('li', 'error');
	const paragraph = make('p');
	paragraph.append(make('strong', '', title), ' ', message);
	item.append(paragraph);
	if (detail)
		item.append(make('span', 'note', detail));
	show(item);
}

// ---- asking ----

class ModelError extends Error {
	constructor(title, message, detail) {
		super(message);
		this.title = title;
		this.detail = detail;
	}
}

function sentence(text) {
	return /[.!?…]$/.test(text) ? text : text + '.';
}

// An answer that is no stream: an error in OpenAI's shape, if all is well with it.
async function refusal(response) {
	const hints = [];
	let message = `The server answered ${response.status} ${response.statusText}`.trim();
	let code = '';
	try {
		const error = (await response.json()).error;
		message = typeof error === 'string' ? error : error.message || message;
		code = error.code || error.type || '';
	} catch {
		// not JSON: the status says what can be said
	}
	if (response.status === 401)
		hints.push('Put the key that was printed at the start into the field above.');
	if (response.status === 429) {
		const wait = response.headers.get('retry-after');
		hints.push(wait ? `Try again in ${wait} s.` : 'Try again a little later.');
	}
	if (response.status === 502 || response.status === 503 || response.status === 504)
		hints.push('Is the model server running?');
	const id = response.headers.get('x-request-id');
	if (id)
		hints.push(`Request ${id}.`);
	const title = code ? `${response.status} ${code}:` : `${response.status}:`;
	return new ModelError(title, sentence(message), hints.join(' '));
}

// The data of each event of an SSE stream, as its bytes come.
async function* events(body) {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	let rest = '';
	let data = [];
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done)
				return;
			const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
			rest = lines.pop();
			for (const raw of lines) {
				const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
				if (line.startsWith('data:')) {
					data.push(line.slice(line[5] === ' ' ? 6 : 5));
				} else if (line === '' && data.length) {
					yield data.join('\n');
					data = [];
				}
			}
		}
	} finally {
		// Whoever stops listening early lets the model go, too.
		reader.cancel().catch(() => {});
	}
}

async function ask(signal, onToken) {
	const headers = { 'Content-Type': 'application/json' };
	const key = keyField.value.trim();
	if (key)
		headers.Authorization = `Bearer ${key}`;
	const response = await fetch('v1/chat/completions', {
		method: 'POST',
		headers,
		signal,
		cache: 'no-store',
		credentials: 'same-origin',
		body: JSON.stringify({
			model: 'local-llm',
			messages: conversation,
			stream: true,
			stream_options: { include_usage: true },
		}),
	});
	if (!response.ok)
		throw await refusal(response);
	if (!(response.headers.get('content-type') || '').startsWith('text/event-stream'))
		throw new ModelError('No stream:', 'The answer is not a stream of events.');

	let usage = null;
	for await (const data of events(response.body)) {
		if (data === '[DONE]')
			return usage;
		const chunk = JSON.parse(data);
		if (chunk.error)
			throw new ModelError('Error in the stream:', sentence(chunk.error.message || 'No reason was given'));
		usage = chunk.usage || usage;
		const token = chunk.choices?.[0]?.delta?.content;
		if (token)
			onToken(token);
	}
	throw new ModelError('Cut off:', 'The answer ended before its end mark.');
}

function summary(started, first, tokens, usage) {
	if (!tokens)
		return 'No token came.';
	const seconds = (performance.now() - first) / 1000;
	const parts = [`first token after ${Math.round(first - started)} ms`];
	if (seconds > 0.05 && tokens > 1)
		parts.push(`${((tokens - 1) / seconds).toFixed(0)} tokens a second`);
	parts.push(usage ? `${usage.completion_tokens} tokens in all` : `${tokens} tokens`);
	return parts.join(', ') + '.';
}

function setRunning(controller) {
	running = controller;
	sendButton.disabled = Boolean(controller);
	stopButton.disabled = !controller;
}

async function send(text) {
	const controller = new AbortController();
	const started = performance.now();
	let first = 0;
	let tokens = 0;
	let said = '';

	setRunning(controller);
	showMessage('You', 'mine', text);
	conversation.push({ role: 'user', content: text });
	const answer = showMessage('Model', 'theirs', '');
	// Screen readers read the answer when it is whole, not word by word.
	answer.item.setAttribute('aria-busy', 'true');

	const note = (words) => follow(() => answer.item.append(make('span', 'note', words)));
	try {
		const usage = await ask(controller.signal, (token) => {
			first = first || performance.now();
			tokens++;
			said += token;
			follow(() => answer.words.appendData(token));
		});
		note(summary(started, first, tokens, usage));
	} catch (error) {
		if (controller.signal.aborted)
			note(`Stopped by you: ${summary(started, first, tokens, null)}`);
		else if (error instanceof ModelError)
			showError(error.title, error.message, error.detail);
		else
			showError('Broken off:', 'The connection to the server failed.', error.message);
		if (!said)
			answer.item.hidden = !controller.signal.aborted;
	}
	answer.item.removeAttribute('aria-busy');
	// A question without an answer is not sent again with the next one.
	if (said)
		conversation.push({ role: 'assistant', content: said });
	else
		conversation.pop();
	setRunning(null);
}

byId('ask-form').addEventListener('submit', (event) => {
	event.preventDefault();
	const text = question.value.trim();
	if (!text || running)
		return;
	question.value = '';
	question.focus();
	send(text);
});

question.addEventListener('keydown', (event) => {
	if (event.key !== 'Enter' || event.shiftKey || event.isComposing)
		return;
	event.preventDefault();
	byId('ask-form').requestSubmit();
});

// aborting the fetch closes the connection: the gateway sees it, and so does the model
stopButton.addEventListener('click', () => {
	running?.abort();
	question.focus();
});

// ---- the WebSocket ----

const ECHO_EVERY = 20000;
const ECHO_WITHIN = 5000;
let delay = 1000;

function setSocket(state, text) {
	byId('dot').className = state;
	byId('socket-text').textContent = `WebSocket through the same door: ${text}`;
}

function openSocket() {
	const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
	const socket = new WebSocket(`${scheme}//${location.host}/ws`);
	let count = 0;
	let said = '';
	let when = 0;
	let late = 0;
	let again = 0;

	const say = () => {
		said = `echo ${++count}`;
		when = performance.now();
		socket.send(said);
		late = setTimeout(() => socket.close(), ECHO_WITHIN);
	};
	socket.addEventListener('open', say);
	socket.addEventListener('message', (event) => {
		if (event.data !== said)
			return;
		clearTimeout(late);
		delay = 1000;
		setSocket('ok', 'ok');
		byId('socket').title = `echo after ${(performance.now() - when).toFixed(1)} ms`;
		again = setTimeout(say, ECHO_EVERY);
	});
	// An error is always followed by a close.
	socket.addEventListener('close', () => {
		clearTimeout(late);
		clearTimeout(again);
		setSocket('down', 'down, trying again');
		setTimeout(openSocket, delay);
		delay = Math.min(delay * 2, 30000);
	});
}

// ---- the start ----

window.addEventListener('hashchange', takeKeyFromAddress);
if (!takeKeyFromAddress())
	keyField.value = storedKey();
openSocket();
(keyField.value ? question : keyField).focus();
