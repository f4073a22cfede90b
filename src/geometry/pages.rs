//! Large pages for arrays that are read all over: a processor that knows few addresses at a time then knows more of them.

use std::mem::MaybeUninit;

/// Room for as many items as will come, in large pages where the system grants them to who asks (Linux: `madvise`). What is
/// never filled takes no memory, but for the rest of a page.
pub(super) fn with_capacity<T>(capacity: usize) -> Vec<T> {
    let mut items: Vec<T> = Vec::with_capacity(capacity);
    ask_for_large_pages(items.spare_capacity_mut());
    items
}

/// Gives back what small pages hold some memory that holds nothing yet, and asks for large ones wherever whole ones fit. Without
/// an answer pages are small again.
#[cfg(target_os = "linux")]
fn ask_for_large_pages<T>(unused: &mut [MaybeUninit<T>]) {
    /// A large page of x86-64, and of most other machines [bytes].
    const LARGE: usize = 2 << 20;
    let start = unused.as_mut_ptr().cast::<u8>();
    let first = start.align_offset(LARGE);
    let whole = size_of_val(unused).saturating_sub(first) / LARGE * LARGE;
    if whole > 0 {
        let start = start.wrapping_add(first).cast();
        // SAFETY: the range is within memory that is ours and holds nothing, so that its contents may be lost.
        unsafe {
            libc::madvise(start, whole, libc::MADV_DONTNEED);
            libc::madvise(start, whole, libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_large_pages<T>(_: &mut [MaybeUninit<T>]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_stays_and_more_than_was_asked_for_fits() {
        // The last one takes 8 MiB.
        for capacity in [0, 1, 1000, (1 << 20) + 5] {
            let mut items = with_capacity(capacity);
            assert!(items.capacity() >= capacity);
            let count = 2 * capacity as u64 + 3;
            items.extend(0..count);
            assert!(items.into_iter().eq(0..count), "{capacity}");
        }
    }
}
