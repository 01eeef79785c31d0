//! What clients may do to a server, one file a kind of trouble: nobody else notices.

mod overload;
