//! Every kind of wrong answer that a source, a captive portal or a proxy in between may give, to every kind of question.
//!
//! One table of answers ([`answers`]), one of questions ([`questions`]), and what must hold where they meet
//! ([`matrix`]); lies that only one kind of file can tell have a test of their own.

mod answers;
mod bodies;
mod databases;
mod matrix;
mod questions;
mod zips;
