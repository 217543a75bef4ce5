import type { OrbitEvent } from './event.js'

/** The topics of a bus without a type of its own: any topic, with any value. */
export type AnyTopics = Record<string, unknown>

/** Whether a pattern matches a topic, as `TopicIndex` and the addon decide it. */
type Matches<Pattern extends string, Topic extends string> = Pattern extends '>'
  ? true
  : Pattern extends `${infer First}.${infer Rest}`
    ? Topic extends `${infer TopicFirst}.${infer TopicRest}`
      ? First extends '*' | TopicFirst
        ? Matches<Rest, TopicRest>
        : false
      : false
    : Pattern extends '*'
      ? Topic extends `${string}.${string}`
        ? false
        : true
      : Pattern extends Topic
        ? true
        : false

type MatchingTopic<Topics extends object, Pattern extends string> = string extends Pattern
  ? keyof Topics & string
  : { [Topic in keyof Topics & string]: Matches<Pattern, Topic> extends true ? Topic : never }[keyof Topics & string]

type EventsOf<Topics extends object, Topic> = Topic extends keyof Topics & string
  ? OrbitEvent<Topic, Topics[Topic]>
  : never

/**
 * The events that match a pattern: a union of those of all matching topics, which `event.topic` tells apart. `Topics`
 * has the value of each topic, as `publishJson` takes it and `json()` returns it.
 */
export type EventOf<Topics extends object, Pattern extends string = '>'> = string extends keyof Topics
  ? OrbitEvent<string, Topics[keyof Topics]>
  : EventsOf<Topics, MatchingTopic<Topics, Pattern>>

/** What `publish` takes for a topic with such values: text or bytes, as far as the values are. */
export type RawPayload<Value> = unknown extends Value ? string | Uint8Array : Extract<Value, string | Uint8Array>
