using System.Runtime.CompilerServices;
using Vitrine.X86.Exceptions;

namespace Vitrine.X86.Paging;

/// <summary>
/// Translates linear addresses by walking the guest's page tables (SDM vol. 3, chapter 4 "Paging"). The only walker there is:
/// the software CPU, the explainer and the debugger all use it.
/// </summary>
/// <remarks>
/// The low bits of an entry, of every mode and level; bit 63 is XD in 8-byte entries:
/// <code>
///  11..9    8  7       6  5  4    3    2    1    0
///  ignored  G  PS/PAT  D  A  PCD  PWT  U/S  R/W  P
/// </code>
/// G and D have a meaning only in the entry that maps the page; there bits 62:59 are its protection key in 4-level and 5-level paging.
/// </remarks>
public static class PageWalker
{
    private const ulong P = 1UL << 0;
    private const ulong RW = 1UL << 1;
    private const ulong US = 1UL << 2;
    private const ulong A = 1UL << 5;
    private const ulong D = 1UL << 6;
    private const ulong PS = 1UL << 7;
    private const ulong G = 1UL << 8;

    /// <summary>
    /// Translates <paramref name="linear"/>. When the access is allowed, sets the accessed bits of all entries used and, for a
    /// write, the dirty bit of the last (unless told not to); a failing walk changes nothing.
    /// </summary>
    /// <param name="context">The registers.</param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="observer">Watches the walk.</param>
    /// <param name="linear">
    /// Linear address. Canonical form is the caller's to check; in 32-bit and PAE paging bits above 31 are ignored.
    /// </param>
    /// <param name="access">Who wants to do what.</param>
    /// <param name="result">The translation, or the fault.</param>
    /// <returns>True when there is a translation and the access is allowed.</returns>
    public static bool Walk<TMemory, TObserver>(
        in PagingContext context, ref TMemory memory, ref TObserver observer, ulong linear, PageAccess access, out PageWalkResult result)
        where TMemory : struct, IPageTableMemory, allows ref struct
        where TObserver : struct, IPageWalkObserver, allows ref struct =>
        Walk(in context, ref memory, ref observer, default, linear, access, out result);

    /// <summary>As the other overloads, but from a table below the root, as a paging-structure cache allows (SDM vol. 3, 4.10.3).</summary>
    /// <param name="context">The registers.</param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="observer">Watches the walk.</param>
    /// <param name="start">Where it begins; the default value is the root.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="access">Who wants to do what.</param>
    /// <param name="result">
    /// The translation, or the fault. A fault that the walk finds from below the root may be an old entry's fault: the caller decides by
    /// a walk from the root.
    /// </param>
    /// <returns>True when there is a translation and the access is allowed.</returns>
    public static bool Walk<TMemory, TObserver>(
        in PagingContext context,
        ref TMemory memory,
        ref TObserver observer,
        in PageWalkStart start,
        ulong linear,
        PageAccess access,
        out PageWalkResult result)
        where TMemory : struct, IPageTableMemory, allows ref struct
        where TObserver : struct, IPageWalkObserver, allows ref struct
    {
        result = default;
        if (context.Mode == PagingMode.None)
        {
            result.Gpa = (uint)linear;
            result.PageShift = 12;
            result.Rights = PageRights.Writable | PageRights.User | PageRights.Executable | PageRights.Dirty;
            return true;
        }

        Trail trail = default;
        while (true)
        {
            if (!Descend(in context, ref memory, ref observer, in start, linear, access, ref result, ref trail))
                return false;

            ulong wanted = (access & PageAccess.Write) != 0 ? A | D : A;
            bool complete = (trail.AllEntries & A) != 0 && (result.Entry & wanted) == wanted;
            if (complete || (access & PageAccess.LeaveAccessedDirty) != 0)
                return true;
            if (TrySetAccessedDirty(ref memory, ref observer, wanted, EntrySize(in context), ref result, ref trail))
                return true;
            observer.OnRestart();
            result = default;
        }
    }

    /// <summary>As the other overload, watched by nobody.</summary>
    /// <param name="context">The registers.</param>
    /// <param name="memory">Guest-physical memory.</param>
    /// <param name="linear">Linear address.</param>
    /// <param name="access">Who wants to do what.</param>
    /// <param name="result">The translation, or the fault.</param>
    /// <returns>True when there is a translation and the access is allowed.</returns>
    public static bool Walk<TMemory>(
        in PagingContext context, ref TMemory memory, ulong linear, PageAccess access, out PageWalkResult result)
        where TMemory : struct, IPageTableMemory, allows ref struct
    {
        NullObserver observer = default;
        return Walk(in context, ref memory, ref observer, linear, access, out result);
    }

    /// <summary>What one entry grants: <see cref="PageRights.Writable"/>, User and Executable. A translation has what all its entries grant.</summary>
    /// <param name="entry">A present entry without reserved bits, of 4 bytes (zero-extended) or 8.</param>
    public static PageRights EntryRights(ulong entry) =>
        (PageRights)((entry & (RW | US)) >> 1) | ((entry & PagingContext.ExecuteDisableBit) == 0 ? PageRights.Executable : 0);

    /// <summary>
    /// Reads an entry of the last level as a walk would that came by it, for tables that are looked through without an access.
    /// </summary>
    /// <param name="context">The registers.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="above">What the entries above grant.</param>
    /// <param name="gpa">Guest-physical address of the 4-KiB page.</param>
    /// <param name="rights">Rights of the whole translation.</param>
    /// <returns>
    /// False when the entry is absent or has a reserved bit, or when its accessed bit is clear: only an access may use it then, by
    /// setting the bit.
    /// </returns>
    public static bool TryReadLeaf(in PagingContext context, ulong entry, PageRights above, out ulong gpa, out PageRights rights)
    {
        gpa = PageBase(in context, entry, 12, EntrySize(in context));
        rights = above & EntryRights(entry);
        if ((entry & G) != 0 && context.GlobalPages)
            rights |= PageRights.Global;
        if ((entry & D) != 0)
            rights |= PageRights.Dirty;
        if (context.HasKeys)
            rights |= ProtectionKey.RightsOf(entry);
        return (entry & (P | A)) == (P | A) && (entry & context.EntryReserved) == 0;
    }

    private static int EntrySize(in PagingContext context) => context.Mode == PagingMode.Bits32 ? 4 : 8;

    /// <summary>From the root to the entry that maps the page, then the rights. Writes nothing.</summary>
    private static bool Descend<TMemory, TObserver>(
        in PagingContext context,
        ref TMemory memory,
        ref TObserver observer,
        in PageWalkStart start,
        ulong linear,
        PageAccess access,
        ref PageWalkResult result,
        ref Trail trail)
        where TMemory : struct, IPageTableMemory, allows ref struct
        where TObserver : struct, IPageWalkObserver, allows ref struct
    {
        PagingMode mode = context.Mode;
        int size = EntrySize(in context);
        int indexBits = size == 4 ? 10 : 9;
        ulong indexMask = (1UL << indexBits) - 1;

        int level;
        ulong table;
        switch (mode)
        {
            case PagingMode.Bits32:
                linear = (uint)linear;
                level = 2;
                table = context.Cr3 & 0xFFFF_F000;
                break;
            case PagingMode.Pae:
                linear = (uint)linear;
                int pointer = (int)(linear >> 30);
                ulong pdpte = context.Pdpte(pointer);
                observer.OnPointerRegister(pointer, pdpte);
                if ((pdpte & P) == 0)
                {
                    result.Level = 3;
                    result.Entry = pdpte;
                    return Fail(in context, ref result, PageFaultKind.NotPresent, access);
                }

                level = 2;
                table = pdpte & context.AddressMask;
                break;
            default:
                level = mode == PagingMode.FiveLevel ? 5 : 4;
                table = context.Cr3 & context.AddressMask;
                break;
        }

        // R/W and U/S are granted when every entry grants them, XD is imposed by any.
        ulong all = ulong.MaxValue;
        ulong any = 0;
        if (start.Level != 0)
        {
            level = start.Level;
            table = start.Table;
            if ((start.Rights & PageRights.Writable) == 0)
                all &= ~RW;
            if ((start.Rights & PageRights.User) == 0)
                all &= ~US;
            if ((start.Rights & PageRights.Executable) == 0)
                any = PagingContext.ExecuteDisableBit;
        }

        int depth = 0;
        while (true)
        {
            int shift = 12 + ((level - 1) * indexBits);
            ulong address = table + (((linear >> shift) & indexMask) * (ulong)size);
            if (!memory.TryRead(address, size, out ulong entry))
            {
                entry = size == 4 ? uint.MaxValue : ulong.MaxValue;
                result.TableOutsideMemory = true;
            }

            observer.OnEntry(level, address, entry);
            result.Level = (byte)level;
            result.EntryAddress = address;
            result.Entry = entry;
            if ((entry & P) == 0)
                return Fail(in context, ref result, PageFaultKind.NotPresent, access);

            ulong reserved = context.EntryReserved;
            bool leaf = level == 1;
            if ((entry & PS) != 0 && !leaf)
            {
                if (size == 4)
                {
                    leaf = context.FourMegabytePages;
                    if (leaf)
                        reserved = context.FourMegabyteReserved;
                }
                else if (level == 2 || (level == 3 && context.GigabytePages))
                {
                    // Bit 12 is PAT; those from 13 up to the page's size are reserved.
                    leaf = true;
                    reserved |= ((1UL << shift) - 1) & ~0x1FFFUL;
                }
                else
                {
                    reserved |= PS;
                }
            }

            if ((entry & reserved) != 0)
                return Fail(in context, ref result, PageFaultKind.ReservedBit, access);

            trail.Steps[depth++] = new Step(address, entry, level);
            all &= entry;
            any |= entry;
            if (leaf)
            {
                result.PageShift = (byte)shift;
                ulong offsetMask = (1UL << shift) - 1;
                result.Gpa = PageBase(in context, entry, shift, size) | (linear & offsetMask);
                break;
            }

            table = size == 4 ? entry & 0xFFFF_F000 : entry & context.AddressMask;
            level--;
        }

        trail.Depth = depth;
        trail.AllEntries = all;
        PageRights rights = (PageRights)((all & (RW | US)) >> 1);
        if ((any & PagingContext.ExecuteDisableBit) == 0)
            rights |= PageRights.Executable;
        if ((result.Entry & G) != 0 && context.GlobalPages)
            rights |= PageRights.Global;
        if ((result.Entry & D) != 0)
            rights |= PageRights.Dirty;
        if (context.HasKeys)
            rights |= ProtectionKey.RightsOf(result.Entry);
        result.Rights = rights;
        return context.Permits(rights, access) || Fail(in context, ref result, PageFaultKind.Protection, access);
    }

    private static ulong PageBase(in PagingContext context, ulong entry, int shift, int size)
    {
        if (size == 8)
            return entry & context.AddressMask & ~((1UL << shift) - 1);
        // PSE-36: bits 20:13 of the PDE are address bits 39:32.
        return shift == 12 ? entry & 0xFFFF_F000 : (entry & 0xFFC0_0000) | ((entry & 0x1F_E000) << 19);
    }

    private static bool Fail(in PagingContext context, ref PageWalkResult result, PageFaultKind kind, PageAccess access)
    {
        result.Fault = kind;
        uint code = (uint)(access & (PageAccess.Write | PageAccess.User));
        if ((access & PageAccess.Fetch) != 0 && context.ReportsFetch)
            code |= PageFaultError.ID;
        if (kind != PageFaultKind.NotPresent)
            code |= PageFaultError.P;
        if (kind == PageFaultKind.ReservedBit)
            code |= PageFaultError.RSVD;
        if (kind == PageFaultKind.Protection && context.KeyForbids(result.Rights, access))
            code |= PageFaultError.PK;
        result.ErrorCode = code;
        return false;
    }

    /// <summary>Sets the bits in memory, root first (SDM vol. 3, 4.8 "Accessed and Dirty Flags").</summary>
    /// <returns>False when an entry has changed since it was read: the walk must be done again.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TrySetAccessedDirty<TMemory, TObserver>(
        ref TMemory memory, ref TObserver observer, ulong wantedInLeaf, int size, ref PageWalkResult result, ref Trail trail)
        where TMemory : struct, IPageTableMemory, allows ref struct
        where TObserver : struct, IPageWalkObserver, allows ref struct
    {
        for (int i = 0; i < trail.Depth; i++)
        {
            Step step = trail.Steps[i];
            ulong desired = step.Entry | (i == trail.Depth - 1 ? wantedInLeaf : A);
            if (desired == step.Entry)
                continue;
            if (memory.TryCompareExchange(step.Address, size, step.Entry, desired))
                observer.OnUpdate(step.Level, step.Address, desired);
            else if (memory.TryRead(step.Address, size, out ulong now) && now != step.Entry)
                return false;
            // Otherwise the table lies in ROM or nowhere: the write has no effect, and the access goes on, as on a real bus.
        }

        result.Entry |= wantedInLeaf;
        if ((wantedInLeaf & D) != 0)
            result.Rights |= PageRights.Dirty;
        return true;
    }

    private readonly struct Step(ulong address, ulong entry, int level)
    {
        public readonly ulong Address = address;
        public readonly ulong Entry = entry;
        public readonly int Level = level;
    }

    [InlineArray(5)]
    private struct Steps
    {
        private Step _element0;
    }

    /// <summary>The entries that a walk has used.</summary>
    private struct Trail
    {
        public Steps Steps;
        public int Depth;
        public ulong AllEntries;
    }
}
