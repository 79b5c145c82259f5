// Records every case and writes it as a fixture. See README.md.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { Recorder } from './src/recorder.mjs'

const FIXTURES = new URL('../../fixtures/', import.meta.url)

if (!process.version.startsWith('v20.')) {
  console.error(`scripts/record: recordings are of Node 20, whose fetch has its own headers; this is ${process.version}`)
  process.exit(2)
}

// The clients of the cases must find the redirected network when they load.
const recorder = await Recorder.start()
const waits = skipWaits()
const { cases } = await import('./src/cases.mjs')

for (const suite of new Set(cases.map(suiteOf))) {
  const folder = new URL(`${suite}/`, FIXTURES)
  mkdirSync(folder, { recursive: true })
  for (const file of readdirSync(folder)) rmSync(new URL(file, folder))
}
for (const one of cases) {
  const fixture = await record(one)
  writeFileSync(new URL(`${one.id}.json`, FIXTURES), `${JSON.stringify(fixture, null, 2)}\n`)
}
console.log(`recorded ${cases.length} cases`)
process.exit(0)

async function record({ id, about, input, responses, run, list }) {
  recorder.play(responses)
  waits.length = 0
  const stream = run && []
  let value, error
  try {
    if (run) for await (const chunk of run(input)) stream.push(chunk)
    value = await list?.()
  } catch ({ name, message, status, code }) {
    error = { name, message, status, code: code ?? undefined }
  }
  if (recorder.exchanges.length !== responses.length) {
    throw error ?? new Error(`${id}: ${recorder.exchanges.length} of ${responses.length} answers were asked for`)
  }
  const retryDelaysMs = waits.length ? [...waits] : undefined
  const call = run ? 'createMessage' : 'listModels'
  return { id, about, call, input, exchanges: recorder.exchanges, retryDelaysMs, stream, value, error }
}

function suiteOf({ id }) {
  return id.split('/')[0]
}

/** Makes the waits of the SDKs take no time and keeps them; nothing is left to chance. */
function skipWaits() {
  Math.random = () => 0.5
  const kept = []
  const wait = globalThis.setTimeout
  globalThis.setTimeout = (callback, ms, ...rest) => {
    const isRetry = new Error().stack.split('\n')[2].includes('node_modules') && ms < 60_000
    if (isRetry) kept.push(ms)
    return wait(callback, isRetry ? 0 : ms, ...rest)
  }
  return kept
}
