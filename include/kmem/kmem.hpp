#ifndef KMEM_KMEM_HPP
#define KMEM_KMEM_HPP
/// \file
/// The C++ face of kmem: containers, pmr and typed caches on kmalloc and slab caches.  Hosted C++20, header only.
///
///   std::vector<int, kmem::allocator<int>> v;                    a container in kmalloc's memory
///   kmem::memory_resource atomic(GFP_ATOMIC);                    pmr, with the flags of your context
///   kmem::cache<Session> sessions("session");                    objects of one type, from their own slabs
///   const kmem::noio_scope noio;                                 no allocation in this block starts I/O
///   kmem::per_cpu<long> hits;                                    one for each CPU (<kmem/per_cpu.hpp>)
///   auto one = sessions.make(socket);                            a unique_ptr that knows its cache
///   kmem::mempool<Request> requests("request", 16);              16 held back: make() waits and does not fail
///   std::list<int, kmem::cache_allocator<int>> l(kmem::cache_source(cache));   containers on a cache, a pool, a node
#include <kmem/allocator.hpp>
#include <kmem/cache.hpp>
#include <kmem/memory_resource.hpp>
#include <kmem/mempool.hpp>
#include <kmem/scopes.hpp>
#include <kmem/sources.hpp>
#endif
