// Runs simulations and times itself. Line by line: first the job, then which turns to do.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const next = async () => {
  const { value, done } = await lines.next()
  return done ? null : JSON.parse(value)
}
const reply = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const job = await next()
const require = createRequire(job.folder)
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const simulations = job.questions.map((request) => ({ ...job.world, request }))
const outcomes = []
for (const simulation of simulations) {
  const result = await runSimulation(simulation, {})
  outcomes.push(result.overallResult ?? `an error: ${JSON.stringify(result.errors)}`)
}
reply({ outcomes })

for (let asked = await next(); asked !== null; asked = await next()) {
  const chosen = simulations.slice(asked.first, asked.end)
  const cpu = process.cpuUsage()
  const wall = process.hrtime.bigint()
  for (let turn = 0; turn < asked.turns; turn++) {
    for (const simulation of chosen) await runSimulation(simulation, {})
  }
  const used = process.cpuUsage(cpu)
  reply({ wall: Number(process.hrtime.bigint() - wall) / 1e9, cpu: (used.user + used.system) / 1e6 })
}
