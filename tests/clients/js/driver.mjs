// What all Node clients here share: the settings of run.py in GATEHOUSE_CLIENT, the loop over cases, one line of JSON a case.
// Not run by hand: run.py copies it beside node_modules and starts c_NAME.mjs.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';

export const cfg = JSON.parse(process.env.GATEHOUSE_CLIENT || '{}');
const cases = [];

export class Skip extends Error {}
// All at once. A client that was held up itself sees that too, but not every time.
class Buffered extends Error {}
export const emit = (row) => writeSync(1, JSON.stringify(row) + '\n');
export const add = (name, fn, how = {}) => cases.push({ name, fn, ...how });
export const check = (truth, message) => {
	if (!truth) throw new Error(message);
};
export const now = () => performance.now() / 1000;
export const sleep = (s) => new Promise((r) => setTimeout(r, s * 1000));

export const short = (e) => {
	const cause = e?.cause ? ` (cause: ${e.cause.code || e.cause.message || e.cause})` : '';
	return `${e?.constructor?.name}: ${e?.message}${cause}`.replace(/\s+/g, ' ').slice(0, 170);
};

async function patient(fn) {
	for (let i = 0; i < 4; i++) {
		try {
			return await fn();
		} catch (e) {
			if (!(e instanceof Buffered)) throw e;
		}
	}
	return fn();
}

async function runOne({ name, fn, fake }) {
	let status = 'ok',
		note = '';
	try {
		if (fake && !cfg.fake) throw new Skip("needs fake.py's faults");
		note = (await patient(fn)) ?? '';
	} catch (e) {
		[status, note] = e instanceof Skip ? ['skip', e.message] : ['FAIL', short(e)];
	}
	emit({ case: name, status, note: String(note) });
}

export async function main() {
	process.on('unhandledRejection', (e) => emit({ case: 'unhandled', status: 'FAIL', note: 'unhandled rejection: ' + short(e) }));
	const chosen = cases.filter((c) => !cfg.cases.length || cfg.cases.includes(c.name));
	emit({ plan: chosen.map((c) => c.name) });
	const slow = chosen.filter((c) => c.slow).map(runOne);
	for (const c of chosen) if (!c.slow) await runOne(c);
	await Promise.all(slow);
	process.exit(0); // a socket that hangs must not keep us
}

const sha = (b) => createHash('sha256').update(b).digest('hex').slice(0, 16);

export function picture(size = 3 << 20) {
	const raw = Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 7 + 3) & 255)));
	raw.write('\x89PNG\r\n\x1a\n', 0, 'latin1');
	return { raw, uri: 'data:image/png;base64,' + raw.toString('base64'), said: `image ${size} ${sha(raw)}` };
}

export function sound(size = 300000) {
	const raw = Buffer.alloc(size, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
	return { raw, said: `audio ${size} ${sha(raw)}` };
}

export function spread(times, what = 'chunks') {
	check(times.length > 1, `only ${times.length} ${what}`);
	const total = times.at(-1) - times[0];
	const least = cfg.fake ? cfg.gap * (times.length - 2) * 0.3 : 0.001;
	const said = `${times.length} ${what} over ${(total * 1e3).toFixed(0)} ms`;
	if (total < least) throw new Buffered(`${said}, all at once (expected at least ${(least * 1e3).toFixed(0)} ms): buffered`);
	return said;
}

export function whole(text) {
	if (cfg.text !== null && cfg.text !== undefined)
		check(text === cfg.text, `text differs: ${JSON.stringify(text)?.slice(0, 120)}`);
	else check(text, 'no text');
}

export async function raises(kind, fn) {
	let got;
	try {
		got = await fn();
	} catch (e) {
		if (e instanceof kind) return e;
		throw e;
	}
	throw new Error(`no ${kind.name}; got ${JSON.stringify(got)?.slice(0, 100)}`);
}

async function stats() {
	if (!cfg.stats) throw new Skip('no --stats');
	return (await fetch(cfg.stats)).json();
}

// Fails if a client tried again where it was told not to.
export async function askedOnce(model) {
	if (!cfg.stats) return;
	const times = (await stats()).asked[model];
	check(times === 1, `asked ${times} times`);
}

// Waits until fake.py saw the client of this model leave.
export async function leftUpstream(model) {
	const start = now();
	while (now() - start < 10 * cfg.patience) {
		if (model in (await stats()).aborted) return `upstream free after ${((now() - start) * 1e3).toFixed(0)} ms`;
		await sleep(0.02);
	}
	throw new Error('the upstream works on though the client left');
}
