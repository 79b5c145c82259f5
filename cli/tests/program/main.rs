//! Every command of the program, run as a person runs it, against a service on this machine.

mod chat;
mod config;
mod count_tokens;
mod doctor;
mod lists;
mod others;
mod project;
mod setting;
