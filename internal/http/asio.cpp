// The bodies of Asio, Beast and Boost.URL, compiled once here: the other files see declarations
// only.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/url/src.hpp>
