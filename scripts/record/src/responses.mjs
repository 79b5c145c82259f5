// Canned answers in the vendors' documented forms.

const stream = (body) => ({
  status: 200,
  reason: 'OK',
  headers: [['content-type', 'text/event-stream']],
  body,
})

/** Events of OpenAI's Chat Completions from deltas; the last one has the finish reason. */
export function chatEvents(deltas, { finish = 'stop', usage, extra = {} } = {}) {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1768478400, model: 'm' }
  const event = (choices, more) => `data: ${JSON.stringify({ ...head, ...extra, choices, ...more })}\n\n`
  const events = deltas.map((delta) => event([{ index: 0, delta, finish_reason: null }]))
  events.push(event([{ index: 0, delta: {}, finish_reason: finish }]))
  if (usage) events.push(event([], { usage }))
  return stream(`${events.join('')}data: [DONE]\n\n`)
}

/** Perplexity's: each event tells sources, and the last one has the usage. */
export function perplexityEvents(texts, { usage, ...sources }) {
  const head = { id: 'pplx-1', object: 'chat.completion.chunk', created: 1768478400, model: 'sonar' }
  const events = texts.map((content, index) => {
    const last = index === texts.length - 1
    const choice = { index: 0, delta: { role: 'assistant', content }, finish_reason: last ? 'stop' : null }
    return { ...head, ...sources, ...(last && { usage }), choices: [choice] }
  })
  return stream(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))
}

/** Events that name their type, as Anthropic's and Cohere's do. */
export const typedEvents = (events) =>
  stream(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))

/** The whole answer of Cohere's Chat: the content of one message, and how it ended. */
export const cohereEvents = (events, { finish = 'COMPLETE', tokens, cached } = {}) =>
  typedEvents([
    { type: 'message-start', id: 'cohere-1', delta: { message: { role: 'assistant', content: [], tool_plan: '' } } },
    ...events,
    {
      type: 'message-end',
      delta: {
        finish_reason: finish,
        usage: { billed_units: tokens, tokens, ...(cached && { cached_tokens: cached }) },
      },
    },
  ])

/** A refusal. */
export const refusal = (status, body, headers = []) => ({
  status,
  reason: 'Refused',
  headers: [['content-type', 'application/json'], ...headers],
  body: JSON.stringify(body),
})

/** A list of models. */
export const modelList = (...ids) => ({
  status: 200,
  reason: 'OK',
  headers: [['content-type', 'application/json']],
  body: JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model', created: 0, owned_by: 'x' })) }),
})
