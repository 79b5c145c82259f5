// One TypeScript SDK in one scenario, in a process of its own: prints the same figures as `peers client`.
//
//   node client.mjs openai|anthropic SCENARIO URL
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const SYSTEM = 'You are a helpful assistant.';
const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const [sdk, scenario, url] = process.argv.slice(2);
const baseURL = `${url}/${scenario}`;

const peers = {
  openai() {
    const client = new OpenAI({ apiKey: 'k', baseURL });
    const request = { model: 'gpt-4o', messages: [{ role: 'system', content: SYSTEM }, ...messages] };
    return {
      async small() {
        const reply = await client.chat.completions.create(request);
        return reply.choices[0].message.content.length;
      },
      async stream() {
        const received = { deltas: 0, bytes: 0 };
        for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
          add(received, chunk.choices[0]?.delta.content);
        }
        return received;
      },
    };
  },
  anthropic() {
    const client = new Anthropic({ apiKey: 'k', baseURL });
    const request = { model: 'claude-sonnet-4-5', max_tokens: 1024, system: SYSTEM, messages };
    return {
      async small() {
        const reply = await client.messages.create(request);
        return reply.content[0].text.length;
      },
      async stream() {
        const received = { deltas: 0, bytes: 0 };
        for await (const event of await client.messages.create({ ...request, stream: true })) {
          if (event.type === 'content_block_delta') add(received, event.delta.text);
        }
        return received;
      },
    };
  },
};

function add(received, text) {
  if (text) {
    received.deltas += 1;
    received.bytes += text.length;
  }
}

// Kibibytes of memory now, and at most ever.
const status = (name) =>
  Number(readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]);

function begin() {
  const resident = status('VmRSS');
  const cpu = process.cpuUsage();
  const at = performance.now();
  return (count) => {
    const wall = (performance.now() - at) * 1000;
    const { user, system } = process.cpuUsage(cpu);
    const peak = status('VmHWM');
    return { cpu: user + system, wall, count, p50: 0, p99: 0, allocations: null, growth: peak - resident, peak };
  };
}

async function sequential(warm, count, request) {
  for (let n = 0; n < warm; n++) await request();
  const times = [];
  const end = begin();
  for (let n = 0; n < count; n++) {
    const at = performance.now();
    await request();
    times.push((performance.now() - at) * 1000);
  }
  const figures = end(count);
  times.sort((a, b) => a - b);
  return { ...figures, p50: times[count >> 1], p99: times[Math.floor(count * 0.99)] };
}

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const peer = peers[sdk]();
const scenarios = {
  small: () => sequential(200, 2000, async () => check((await peer.small()) > 100, 'the text is whole')),
  short: () => sequential(100, 1500, async () => check((await peer.stream()).deltas >= 8, 'the stream is whole')),
  async slow() {
    await peer.stream();
    const end = begin();
    const all = await Promise.all(Array.from({ length: 1000 }, () => peer.stream()));
    check(all.every(({ deltas }) => deltas === 50), 'no event was lost');
    return end(1000 * 50);
  },
  async fast() {
    const end = begin();
    const { deltas } = await peer.stream();
    check(deltas > 60_000, 'the stream is whole');
    return end(deltas);
  },
};
console.log(JSON.stringify(await (scenarios[scenario] ?? scenarios.fast)()));
