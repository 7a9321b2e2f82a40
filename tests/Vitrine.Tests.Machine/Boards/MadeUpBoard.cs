using Vitrine.Boards;
using Vitrine.Devices.Interrupts;

namespace Vitrine.Tests.Boards;

/// <summary>A board of interrupt controllers and what a test declares.</summary>
internal sealed class MadeUpBoard(Action<BoardBuilder> declare) : BoardModel
{
    public override string Name => "made-up";

    internal override MemoryLayout MapMemory(ulong memoryBytes) => new(memoryBytes, 0xC000_0000, []);

    internal override void Declare(BoardBuilder board)
    {
        board.InterruptControllers(IoapicRegisters.BaseAddress);
        declare(board);
    }
}
