using Vitrine.Errors;
using Vitrine.X86;
using Vitrine.X86.State;

namespace Vitrine.Boot;

/// <summary>Loads flat code at an address and starts it in a mode of the user's choice.</summary>
internal static class FlatLoader
{
    private const ushort RealStackTop = 0x7C00;
    private const ulong RealLimit = 0x10_0000;
    private const ulong FourGiB = 1ul << 32;

    /// <summary>Loads the code and sets the processor up as <see cref="FlatMode"/> says.</summary>
    internal static void Load(ImageFile image, Gpa address, ulong entry, FlatMode mode, LoadMap map, ProcessorState cpu)
    {
        map.Claim("the flat code", address.Value, (ulong)image.Length);
        if (entry - address.Value >= (ulong)image.Length)
        {
            throw VitrineException.User(
                ErrorCode.BootEntryOutside,
                $"The entry 0x{entry:x} lies outside the flat code, which is at {address} to 0x{address.Value + (ulong)image.Length - 1:x}.",
                "The entry is an absolute address, not an offset in the file.",
                "Choose an entry inside the code.").With("entry", entry);
        }

        ulong limit = mode == FlatMode.Real ? RealLimit : FourGiB;
        if (entry >= limit)
        {
            throw VitrineException.User(
                ErrorCode.BootEntryUnreachable,
                $"The entry 0x{entry:x} is not reachable in {Name(mode)} mode, where addresses end at 0x{limit:x}.",
                "Real mode reaches 1 MiB, and the other modes start with the first 4 GiB.",
                "Load the code lower, or choose another mode.").With("entry", entry).With("limit", limit);
        }

        map.Copy(image, 0, address.Value, (ulong)image.Length);
        switch (mode)
        {
            case FlatMode.Real:
                EntryState.Real(cpu, (ushort)((entry >> 4) & 0xF000), (ushort)entry, RealStackTop);
                return;
            case FlatMode.Protected:
                EntryState.Protected(cpu, map, entry);
                break;
            default:
                EntryState.Long(cpu, map, entry);
                break;
        }

        cpu.Gpr[Gpr.Rsp] = HandoffArea.StackTop;
    }

    private static string Name(FlatMode mode) => mode switch
    {
        FlatMode.Real => "real",
        FlatMode.Protected => "protected",
        _ => "long",
    };
}
