// What the REST API answers, as far as the page uses it; named as in its OpenAPI document.

export interface Vm {
  cloud: string;
  name: string;
  state: string;
  public_ips: string[];
  private_ips: string[];
  created: string;
  deadline: string;
  run: string;
  cost_per_hour: number | null;
}

export interface CloudCount {
  name: string;
  vms: number;
  states: Record<string, number>;
  cost_per_hour: number;
  unpriced: number;
}

export interface Job {
  id: string;
  dag: string;
  state: string;
  user: string;
  parameters: Record<string, string | number>;
  created: string;
}

export interface StorageService {
  name: string;
  supported: boolean;
  default: boolean;
}

export interface Entry {
  name: string;
  kind: "file" | "folder";
  size: number;
  modified: string;
  path: string;
  place: string;
  problem: string;
}

export interface Listing {
  taken_at: string;
  truncated: boolean;
  items: Entry[];
  total: number;
}

export interface Transfer {
  id: string;
  source: string;
  target: string;
  state: string;
  files: number;
  bytes: number;
  files_known: number | null;
  bytes_known: number | null;
  listed: boolean;
  unchanged: number;
  deleted: number;
  failed: number;
  began: string;
  error: string;
  run: string;
}

export interface Schedule {
  name: string;
  enabled: boolean;
  now: string;
  next: string;
  timezone: string;
  weekdays: string[];
  start: string;
  stop: string;
  clouds: string[];
  vms: string[];
}

export interface Transition {
  at: string;
  utc: string;
  schedule: string;
  action: string;
}

export interface Remembered {
  cloud: string;
  name: string;
  snoozed_until: string;
}

export interface OfficeHours {
  as_of?: string | null;
  schedules: Schedule[];
  preview: Transition[];
  vms: Remembered[];
}

export interface DayHours {
  day: string;
  hours: number;
  clouds: Record<string, number>;
}
