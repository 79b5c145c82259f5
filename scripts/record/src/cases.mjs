// What is recorded: who is asked what, through which client, and what the service answers.

import { readFileSync } from 'node:fs'
import * as anthropic from './anthropic.mjs'
import * as aiSdk from './ai-sdk.mjs'
import * as cohereAi from './cohere-ai.mjs'
import * as openai from './openai.mjs'
import { createBaseMessage, createGenericMessage } from './reference.mjs'
import { chatEvents, cohereEvents, modelList, perplexityEvents, refusal, typedEvents } from './responses.mjs'

const SYSTEM = 'You are Pilot, a careful coding assistant. Answer briefly.'
const QUESTION = [{ role: 'user', content: 'Which port does the dev server use?' }]
const HELLO = chatEvents([{ role: 'assistant', content: '' }, { content: 'Port ' }, { content: '5173.' }], {
  usage: { prompt_tokens: 31, completion_tokens: 4, total_tokens: 35 },
})
const READ_FILE = {
  type: 'function',
  function: {
    name: 'read_file',
    description: 'Reads a file',
    parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  },
}
const READ = (id, path) => ({ type: 'tool_use', id, name: 'read_file', input: { path } })
const RESULT = (id, content) => ({ type: 'tool_result', tool_use_id: id, content })
const TOOL_TURNS = [
  ...QUESTION,
  { role: 'assistant', content: [READ('call_1', 'vite.config.ts'), READ('call_2', '.env')] },
  { role: 'user', content: [RESULT('call_1', 'server: { port: 5173 }'), RESULT('call_2', 'PORT=5173')] },
]
const IMAGE = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }

// ---- package openai: every plain provider once, each feature once ----

const NAMES = JSON.parse(readFileSync(new URL('../providers.json', import.meta.url)))

function openAiCase(id, provider, { settings, input, responses = [HELLO], about, through, limit }) {
  return {
    id: `sdk-openai/${id}`,
    about,
    input: { settings: { apiProvider: provider, ...settings }, systemPrompt: SYSTEM, messages: QUESTION, ...input },
    responses,
    run: (full) => openai.createMessage(through(), NAMES[provider].name, full, limit),
  }
}

const plain = Object.entries(NAMES)
  .filter(([, { base }]) => base)
  .map(([id, { base, settings, key }]) =>
    openAiCase(`${id}-text`, id, {
      settings: { ...settings, apiModelId: 'some/model-1' },
      through: () => openai.client({ base, key }),
    }),
  )

const together = (id, about, rest) => {
  const { base, key, settings } = NAMES.together
  return openAiCase(`together-${id}`, 'together', {
    about,
    through: () => openai.client({ base, key }),
    ...rest,
    settings: { ...settings, apiModelId: 'openai/gpt-oss-120b', ...rest.settings },
  })
}

const features = [
  together('parameters', 'temperature and limit are sent when they are set', {
    settings: { modelTemperature: 0.25, modelMaxTokens: 512 },
  }),
  together('no-system-prompt', 'an empty system prompt is left out', { input: { systemPrompt: '' } }),
  together('image', 'an image beside text', {
    input: { messages: [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, IMAGE] }] },
  }),
  together('tools', 'two calls side by side, their fragments mixed', {
    input: { metadata: { tools: [READ_FILE], tool_choice: 'auto', parallelToolCalls: true } },
    responses: [
      chatEvents(
        [
          { role: 'assistant', content: null, tool_calls: [toolCall(0, 'call_1', 'read_file', '')] },
          { tool_calls: [toolCall(1, 'call_2', 'read_file', '')] },
          { tool_calls: [{ index: 0, function: { arguments: '{"path":' } }] },
          { tool_calls: [{ index: 1, function: { arguments: '{"path":".env"}' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '"vite.config.ts"}' } }] },
        ],
        { finish: 'tool_calls', usage: { prompt_tokens: 80, completion_tokens: 40 } },
      ),
    ],
  }),
  together('tool-results', 'the next turn, with the results', {
    input: { messages: TOOL_TURNS, metadata: { tools: [READ_FILE], tool_choice: 'required', parallelToolCalls: false } },
  }),
  together('reasoning', 'reasoning, and a usage that tells cached and reasoning tokens', {
    responses: [
      chatEvents([{ reasoning_content: 'A dev server' }, { reasoning_content: ' of Vite.' }, { content: '5173' }], {
        usage: {
          prompt_tokens: 31,
          completion_tokens: 12,
          prompt_tokens_details: { cached_tokens: 16 },
          completion_tokens_details: { reasoning_tokens: 8 },
        },
      }),
    ],
  }),
  together('error-401', 'a refusal', {
    responses: [refusal(401, { error: { message: 'Invalid API key', type: 'invalid_request_error', code: 'invalid_api_key' } })],
  }),
  together('retry-429', 'too many requests, then an answer', {
    responses: [refusal(429, { error: { message: 'Slow down' } }), refusal(503, { error: { message: 'Busy' } }), HELLO],
  }),
]

function toolCall(index, id, name, args) {
  return { index, id, type: 'function', function: { name, arguments: args } }
}

const AZURE = { azureResource: 'contoso', azureDeployment: 'gpt-4o-eu' }
const special = [
  openAiCase('azure-key', 'azure', {
    about: 'the key as `api-key`, the deployment in the path',
    settings: { ...AZURE, azureApiKey: 'azure-key-1', modelMaxTokens: 256 },
    limit: 'max_completion_tokens',
    through: () =>
      openai.azureClient({ resource: 'contoso', deployment: 'gpt-4o-eu', apiVersion: '2024-10-21', key: 'azure-key-1' }),
  }),
  openAiCase('azure-entra', 'azure', {
    about: 'a token of Microsoft Entra, another version of the API',
    settings: { ...AZURE, azureAdToken: 'entra-token-1', azureApiVersion: '2025-04-01-preview' },
    limit: 'max_completion_tokens',
    through: () =>
      openai.azureClient({
        resource: 'contoso',
        deployment: 'gpt-4o-eu',
        apiVersion: '2025-04-01-preview',
        token: 'entra-token-1',
      }),
  }),
  openAiCase('portkey-virtual-key', 'portkey', {
    about: 'a virtual key says which provider answers',
    settings: { portkeyApiKey: 'portkey-key-1', portkeyVirtualKey: 'openai-1a2b', apiModelId: 'gpt-4o' },
    through: () =>
      openai.client({
        base: 'https://api.portkey.ai/v1',
        proof: { 'x-portkey-api-key': 'portkey-key-1', 'x-portkey-virtual-key': 'openai-1a2b' },
      }),
  }),
]

const lists = ['together', 'vllm'].map((provider) => {
  const { base, key, settings } = NAMES[provider]
  return {
    id: `sdk-openai/${provider}-models`,
    about: 'the list of models',
    input: { settings: { apiProvider: provider, ...settings } },
    responses: [modelList('openai/gpt-oss-120b', 'qwen3')],
    list: () => openai.listModels(openai.client({ base, key })),
  }
})

const referenceCase = (id, provider, settings, run) => ({
  ...openAiCase(id, provider, { settings, about: 'a provider of the reference' }),
  run,
})
const GROQ = { limit: 8192, temperature: 0.5, price: { input: 0.59, output: 0.79 } }
const reference = [
  referenceCase(
    'groq-text',
    'groq',
    { groqApiKey: 'groq-key-1', apiModelId: 'llama-3.3-70b-versatile' },
    (input) =>
      createBaseMessage(openai.client({ base: 'https://api.groq.com/openai/v1', key: 'groq-key-1' }), GROQ, input),
  ),
  referenceCase(
    'openai-compatible-text',
    'openai',
    { openAiApiKey: 'openai-key-1', openAiBaseUrl: 'http://localhost:9000/v1', openAiModelId: 'local-1' },
    (input) => createGenericMessage(openai.client({ base: 'http://localhost:9000/v1', key: 'openai-key-1' }), input),
  ),
]

// ---- Cohere, through both of its clients ----

const content = (index, delta) => ({ type: 'content-delta', index, delta: { message: { content: delta } } })
const opened = (index, type) => ({
  type: 'content-start',
  index,
  delta: { message: { content: type === 'text' ? { type, text: '' } : { type, thinking: '' } } },
})
const closed = (index) => ({ type: 'content-end', index })
const TEXT = [opened(0, 'text'), content(0, { text: 'Port ' }), content(0, { text: '5173.' }), closed(0)]
const TOKENS = { input_tokens: 71, output_tokens: 9 }
const COHERE_CALLS = [
  { type: 'tool-call-start', index: 0, delta: { message: { tool_calls: toolCall(undefined, 'read_1', 'read_file', '') } } },
  { type: 'tool-call-delta', index: 0, delta: { message: { tool_calls: { function: { arguments: '{"path":' } } } } },
  { type: 'tool-call-delta', index: 0, delta: { message: { tool_calls: { function: { arguments: '".env"}' } } } } },
  { type: 'tool-call-end', index: 0 },
  { type: 'tool-call-start', index: 1, delta: { message: { tool_calls: toolCall(undefined, 'read_2', 'read_file', '') } } },
  { type: 'tool-call-delta', index: 1, delta: { message: { tool_calls: { function: { arguments: '{"path":"a"}' } } } } },
  { type: 'tool-call-end', index: 1 },
]
const PLAN = ['I will ', 'read both.'].map((tool_plan) => ({ type: 'tool-plan-delta', delta: { message: { tool_plan } } }))
const CITATION = {
  type: 'citation-start',
  index: 0,
  delta: {
    message: {
      citations: {
        start: 0,
        end: 9,
        text: 'Port 5173',
        type: 'TEXT_CONTENT',
        sources: [
          { type: 'document', id: 'doc:0', document: { id: 'doc:0', title: 'Vite', url: 'https://vite.dev/config' } },
          { type: 'document', id: 'doc:1', document: { id: 'doc:1', text: 'PORT=5173' } },
        ],
      },
    },
  },
}

const COHERE_CASES = [
  { id: 'text', responses: [cohereEvents(TEXT, { tokens: TOKENS })] },
  { id: 'parameters', settings: { modelTemperature: 0.25, modelMaxTokens: 512 }, responses: [cohereEvents(TEXT, { tokens: TOKENS })] },
  {
    id: 'thinking',
    settings: { modelMaxThinkingTokens: 2048 },
    responses: [
      cohereEvents(
        [opened(0, 'thinking'), content(0, { thinking: 'Vite, ' }), content(0, { thinking: 'so:' }), closed(0)].concat(
          [opened(1, 'text'), content(1, { text: '5173' }), closed(1)],
        ),
        { tokens: TOKENS },
      ),
    ],
  },
  {
    id: 'image',
    input: { messages: [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, IMAGE] }] },
    responses: [cohereEvents(TEXT, { tokens: TOKENS })],
  },
  {
    id: 'tools',
    input: { metadata: { tools: [READ_FILE] } },
    responses: [cohereEvents(COHERE_CALLS, { finish: 'TOOL_CALL', tokens: TOKENS })],
  },
  {
    id: 'tool-results',
    input: { messages: TOOL_TURNS, metadata: { tools: [READ_FILE] } },
    responses: [cohereEvents(TEXT, { tokens: TOKENS })],
  },
]

// What @ai-sdk/cohere does not pass on.
const COHERE_AI_CASES = [
  {
    id: 'tool-plan',
    about: 'a plan before the calls, and in the history',
    input: {
      messages: [
        ...QUESTION,
        { role: 'assistant', content: [{ type: 'text', text: 'I will look.' }, READ('read_0', 'package.json')] },
        { role: 'user', content: [RESULT('read_0', '{}')] },
      ],
      metadata: { tools: [READ_FILE], tool_choice: 'required' },
    },
    responses: [cohereEvents([...PLAN, ...COHERE_CALLS], { finish: 'TOOL_CALL', tokens: TOKENS })],
  },
  {
    id: 'citations',
    about: 'documents, and what cites them',
    settings: {
      cohereDocuments: [
        { id: 'doc:0', data: { title: 'Vite', url: 'https://vite.dev/config', text: 'The port is 5173.' } },
        { id: 'doc:1', data: { text: 'PORT=5173' } },
      ],
      cohereCitationMode: 'FAST',
    },
    responses: [
      cohereEvents([...TEXT, CITATION, { type: 'citation-end', index: 0 }], { tokens: TOKENS, cached: 64 }),
    ],
  },
  { id: 'error-401', responses: [refusal(401, { id: 'e1', message: 'invalid api token' })] },
  {
    id: 'retry-429',
    responses: [
      refusal(429, { message: 'slow down' }),
      refusal(503, { message: 'busy' }),
      cohereEvents(TEXT, { tokens: TOKENS }),
    ],
  },
]

const cohereCase = (suite, client, run) => ({ id, about, settings, input, responses }) => ({
  id: `${suite}/${id}`,
  about,
  input: {
    settings: { apiProvider: 'cohere', cohereApiKey: 'cohere-key-1', ...client, apiModelId: 'command-a-03-2025', ...settings },
    systemPrompt: SYSTEM,
    messages: QUESTION,
    ...input,
  },
  responses,
  run,
})

// ---- Perplexity, through the AI SDK ----

const SOURCES = {
  citations: ['https://vite.dev/config', 'https://a.example/ports'],
  search_results: [
    { title: 'Ports', url: 'https://a.example/ports', date: '2025-11-02' },
    { title: 'Configuring Vite', url: 'https://vite.dev/config', date: null },
  ],
}
const SEARCHED = perplexityEvents(['It is ', '5173 [1].'], {
  ...SOURCES,
  usage: {
    prompt_tokens: 14,
    completion_tokens: 8,
    total_tokens: 22,
    reasoning_tokens: 5,
    cost: { input_tokens_cost: 0.001, output_tokens_cost: 0.002, request_cost: 0.005, total_cost: 0.008 },
  },
})
const PERPLEXITY_CASES = [
  { id: 'text', about: 'sources in the order of the citations, once', responses: [SEARCHED] },
  {
    id: 'search-options',
    settings: {
      modelTemperature: 0.25,
      modelMaxTokens: 512,
      perplexitySearchMode: 'academic',
      perplexitySearchDomainFilter: ['vite.dev', '-pinterest.com'],
      perplexitySearchRecencyFilter: 'month',
      perplexityWebSearchOptions: { search_context_size: 'high' },
      perplexityReturnImages: true,
    },
    responses: [SEARCHED],
  },
  {
    id: 'no-sources',
    input: { messages: [...QUESTION, { role: 'assistant', content: '5173.' }, { role: 'user', content: 'Sure?' }] },
    responses: [perplexityEvents(['Yes.'], { usage: { prompt_tokens: 9, completion_tokens: 2 } })],
  },
].map(({ id, about, settings, input, responses }) => ({
  id: `sdk-ai-perplexity/${id}`,
  about,
  input: {
    settings: { apiProvider: 'perplexity', perplexityApiKey: 'pplx-key-1', apiModelId: 'sonar-pro', ...settings },
    systemPrompt: SYSTEM,
    messages: QUESTION,
    ...input,
  },
  responses,
  run: aiSdk.createPerplexityMessage,
}))

// ---- Anthropic, a provider of the reference ----

const CLAUDE = typedEvents([
  {
    type: 'message_start',
    message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage: { input_tokens: 25, output_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Port 5173.' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
  { type: 'message_stop' },
])
const ANTHROPIC_CASES = [
  { id: 'text', settings: {} },
  { id: 'temperature', settings: { modelTemperature: 0.5 } },
].map(({ id, settings }) => ({
  id: `sdk-anthropic/${id}`,
  input: {
    settings: { apiProvider: 'anthropic', apiKey: 'anthropic-key-1', apiModelId: 'claude-sonnet-4-5', ...settings },
    systemPrompt: SYSTEM,
    messages: QUESTION,
  },
  responses: [CLAUDE],
  run: anthropic.createMessage,
}))

export const cases = [
  ...plain,
  ...features,
  ...special,
  ...lists,
  ...reference,
  ...[...COHERE_CASES, ...COHERE_AI_CASES].map(cohereCase('sdk-cohere-ai', {}, cohereAi.createMessage)),
  ...COHERE_CASES.map(cohereCase('sdk-ai-cohere', { cohereClient: 'ai-sdk' }, aiSdk.createCohereMessage)),
  ...PERPLEXITY_CASES,
  ...ANTHROPIC_CASES,
]
