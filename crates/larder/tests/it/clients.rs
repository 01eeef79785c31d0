//! What clients may do to a server, one file a kind of trouble: nobody else notices.

mod connections;
mod floods;
mod overload;
mod readers;
mod smuggling;
